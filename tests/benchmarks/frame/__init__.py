"""The frame of the benchmarks: in come names, out goes one table.

`row` is what a benchmark gives, `timing` measures two things in turn, `alone` runs one benchmark in a process of its
own, `machine` says where, and `table` prints it all.
"""
