// SPDX-License-Identifier: LGPL-2.1-or-later
// The players behind one face. An engine has: qualities() → [{id, name}] from the best down,
// quality(id or null for automatic), current() → what is shown now, delay() → seconds behind the
// teacher or null, destroy(). Trouble that the player cannot mend by itself is told by `failed`.

const scripts = new Map();

/** Loads one of the players' scripts, once. */
function load(name) {
  if (!scripts.has(name)) {
    scripts.set(name, new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.src = `/page/vendor/${name}.js`;
      script.onload = resolve;
      script.onerror = () => {
        scripts.delete(name);
        reject(new Error('missing'));
      };
      document.head.append(script);
    }));
  }
  return scripts.get(name);
}

const nameOf = (height, bitrate) => [height ? `${height}p` : '',
  bitrate ? `${(bitrate / 1e6).toFixed(2)} Mbit/s` : ''].filter(Boolean).join(', ');
const behind = (video) => (video.buffered.length
  ? video.buffered.end(video.buffered.length - 1) - video.currentTime : null);

/** With parts: plays a little faster while it is further behind than the server asks for. */
const CATCH_UP = { maxLiveSyncPlaybackRate: 1.1 };
/** Without: two segments behind the newest, not three. */
const CLOSE = { liveSyncDurationCount: 2 };

async function hls(video, url, failed, lowLatencyMode) {
  await load('hls');
  const { Hls } = window;
  if (!Hls.isSupported()) throw new Error('unsupported');
  // It weighs what it thinks of the network by how long downloads took; small pictures on a network
  // that has become good again take next to nothing, and it would not go up for minutes.
  const player = new Hls({
    lowLatencyMode, backBufferLength: 30, abrEwmaFastLive: 0.5, abrEwmaSlowLive: 1.5,
    ...(lowLatencyMode ? CATCH_UP : CLOSE),
  });
  let mended = 0;
  player.on(Hls.Events.ERROR, (event, data) => {
    if (!data.fatal) return;
    // A picture of another size may need the decoder anew, once in a while.
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && performance.now() - mended > 5000) {
      mended = performance.now();
      player.recoverMediaError();
      return;
    }
    failed(`${data.details}`);
  });
  player.loadSource(url);
  player.attachMedia(video);
  return {
    qualities: () => player.levels.map((level, id) => (
      { id, name: nameOf(level.height, level.bitrate) })).reverse(),
    quality: (id) => { player.nextLevel = id ?? -1; },
    current: () => {
      const level = player.levels[player.currentLevel];
      return level ? nameOf(level.height, level.bitrate) : '';
    },
    delay: () => {
      if (player.playingDate) return (Date.now() - player.playingDate) / 1000;
      return Number.isFinite(player.latency) ? player.latency : null;
    },
    destroy: () => player.destroy(),
  };
}

async function dash(video, url, failed) {
  await load('dash');
  const player = window.dashjs.MediaPlayer().create();
  player.updateSettings({ debug: { logLevel: 0 } });
  player.on('error', (event) => failed(String(event.error?.message || event.error)));
  player.initialize(video, url, true);
  const representations = () => {
    try {
      return player.getRepresentationsByType('video') || [];
    } catch {
      return [];
    }
  };
  return {
    qualities: () => representations().map(({ id, height, bandwidth }) => (
      { id, name: nameOf(height, bandwidth) })).reverse(),
    quality: (id) => {
      player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: id === null } } } });
      if (id !== null) player.setRepresentationForTypeById('video', id, true);
    },
    current: () => {
      const now = player.getCurrentRepresentationForType('video');
      return now ? nameOf(now.height, now.bandwidth) : '';
    },
    delay: () => {
      const delay = player.isReady() && player.isDynamic() ? player.getCurrentLiveLatency() : NaN;
      return Number.isFinite(delay) ? delay : null;
    },
    destroy: () => player.destroy(),
  };
}

async function flv(video, url, failed) {
  await load('mpegts');
  const { mpegts } = window;
  if (!mpegts.getFeatureList().mseLivePlayback) throw new Error('unsupported');
  const player = mpegts.createPlayer({ type: 'flv', isLive: true, url }, {
    enableStashBuffer: false, lazyLoad: false, liveSync: true, liveSyncMaxLatency: 1.4,
    liveSyncTargetLatency: 0.8, autoCleanupSourceBuffer: true,
  });
  player.on(mpegts.Events.ERROR, (type, detail) => failed(String(detail)));
  player.on(mpegts.Events.LOADING_COMPLETE, () => failed('ended'));
  player.attachMediaElement(video);
  player.load();
  return {
    qualities: () => [],
    quality: () => {},
    current: () => (video.videoHeight ? `${video.videoHeight}p` : ''),
    // What the network and the encoder take is not known here; on the same machine it is little.
    delay: () => behind(video),
    destroy: () => player.destroy(),
  };
}

async function native(video, url, failed) {
  const onError = () => failed(video.error?.message || 'error');
  video.addEventListener('error', onError);
  video.src = url;
  return {
    qualities: () => [],
    quality: () => {},
    current: () => (video.videoHeight ? `${video.videoHeight}p` : ''),
    delay: () => null,
    destroy: () => {
      video.removeEventListener('error', onError);
      video.removeAttribute('src');
      video.load();
    },
  };
}

const sockets = () => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}`;

/** The ways to play: id → {name, live or recorded, url of a stream, player}. */
export const ways = {
  'll-hls': { name: 'LL-HLS', live: true, url: (name) => `/${name}/index.m3u8`,
    open: (video, url, failed) => hls(video, url, failed, true) },
  hls: { name: 'HLS', live: true, recorded: true, url: (name) => `/${name}/index.m3u8`,
    open: (video, url, failed) => hls(video, url, failed, false) },
  dash: { name: 'DASH', live: true, recorded: true, url: (name) => `/${name}/index.mpd`,
    open: dash },
  flv: { name: 'HTTP-FLV', live: true, renditions: true,
    url: (name) => `${location.origin}/${name}.flv`, open: flv },
  'ws-flv': { name: 'WS-FLV', live: true, renditions: true,
    url: (name) => `${sockets()}/${name}.flv`, open: flv },
  mp4: { name: 'MP4', recorded: true, url: (name) => `/${name}.mp4`, open: native },
};
