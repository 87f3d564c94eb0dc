"""Files: what a clip or picture really is, and the recipe a clip carries.

In come paths, addresses and bytes; out go measured facts, posters, single frames and pictures ready to be
sent. Next: jobs, which finish a downloaded clip here, and the catalogue's requests, which take the
pictures.

``clip``    seconds, size, codec, poster and frames of a video, and the refusal of what is none
``boxes``   whether an MP4 is whole, read from its outermost boxes
``recipe``  how a clip was made, kept inside the MP4
``opening`` pictures decoded, or what they are instead
``sending`` pictures upright, in sRGB, without metadata: as they are sent
``image``   pictures: checked as the service checks them, as part of a request
``drawn``   pictures that a notebook holds in memory: Pillow's, arrays, figures
``joining`` several clips as one film
``measures``  what can be measured of a clip: motion, sharpness, flicker, cuts and more
``contact``  frames of many clips on one picture
``worker``  the process that does all this to a finished clip, so that the kernel stays free

It knows PyAV, Pillow and numpy, imports them inside functions, and knows no network.
"""
