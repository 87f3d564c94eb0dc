// Says what this page is and which videos it plays; shows nothing.
export default {
  render({ model }) {
    const video = document.createElement('video');
    let page = {};
    try {
      page = JSON.parse(document.getElementById('jupyter-config-data').textContent);
    } catch {
      // not a page of Jupyter's server
    }
    const browser = /(Firefox|Edg|Chrome|Version)\/(\d+)/.exec(navigator.userAgent) ?? ['', '', ''];
    model.send({
      type: 'page',
      app: String(page.appName ?? ''),
      version: String(page.appVersion ?? ''),
      browser: `${{ Edg: 'Edge', Version: 'Safari' }[browser[1]] ?? browser[1]} ${browser[2]}`.trim(),
      plays: {
        h264: video.canPlayType('video/mp4; codecs="avc1.64001f"') !== '',
        aac: video.canPlayType('audio/mp4; codecs="mp4a.40.2"') !== '',
        hevc: video.canPlayType('video/mp4; codecs="hvc1.1.6.L93.B0"') !== '',
        av1: video.canPlayType('video/mp4; codecs="av01.0.05M.08"') !== '',
      },
    });
  },
};
