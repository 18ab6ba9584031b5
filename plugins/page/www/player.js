// SPDX-License-Identifier: LGPL-2.1-or-later
// One live stream in one <video>, over WebSocket-FLV or HTTP-FLV, connected again when it is lost.

const RETRY_FIRST = 500;
const RETRY_LAST = 4000;
const STALLED = 8000;
const FAR_BEHIND = 4;

const config = {
  isLive: true,
  enableStashBuffer: false,
  lazyLoad: false,
  liveSync: true,
  liveSyncMaxLatency: 1.4,
  liveSyncTargetLatency: 0.8,
  liveSyncPlaybackRate: 1.1,
  autoCleanupSourceBuffer: true,
  autoCleanupMaxBackwardDuration: 30,
  autoCleanupMinBackwardDuration: 15,
};

function streamUrl(name, transport, silent) {
  const secure = location.protocol === 'https:';
  const scheme = transport === 'ws' ? (secure ? 'wss:' : 'ws:') : location.protocol;
  return `${scheme}//${location.host}/${name}.flv${silent ? '?audio=0' : ''}`;
}

/**
 * state: idle, connecting, playing, blocked (the browser wants a click first), lost (and trying
 * again), unsupported (this browser lacks the codec), missing (the page lacks its player).
 * A "state" event tells of each change; `detail` says more of an unsupported codec.
 */
export class Player extends EventTarget {
  constructor(video) {
    super();
    this.video = video;
    this.state = 'idle';
    this.detail = '';
    this.name = null;
    this.transport = null;
    this.silent = false;
    this.engine = null;
    this.retry = null;
    this.delay = RETRY_FIRST;
    this.movedAt = 0;
    this.position = 0;
    video.addEventListener('timeupdate', () => this.#moved());
    setInterval(() => this.#watch(), 1000);
    document.addEventListener('visibilitychange', () => this.#catchUp());
  }

  /** Plays NAME by way of TRANSPORT ("ws" or "http"), SILENT: its picture alone; the same again
   *  changes nothing. */
  play(name, transport, silent = false) {
    if (name === this.name && transport === this.transport && silent === this.silent) return;
    this.stop();
    this.name = name;
    this.transport = transport;
    this.silent = silent;
    this.delay = RETRY_FIRST;
    this.#connect();
  }

  stop() {
    clearTimeout(this.retry);
    this.retry = null;
    this.name = null;
    this.transport = null;
    this.silent = false;
    this.#drop();
    this.#set('idle');
  }

  /** Seconds between what is seen and what has arrived. */
  get behind() {
    const { buffered, currentTime } = this.video;
    return buffered.length ? Math.max(0, buffered.end(buffered.length - 1) - currentTime) : 0;
  }

  /** Starts after a click, where the browser would not start by itself. */
  start() {
    this.#begin();
  }

  #connect() {
    const { mpegts } = window;
    this.retry = null;
    if (!mpegts) return this.#set('missing');
    if (!mpegts.getFeatureList().mseLivePlayback) return this.#set('unsupported');
    this.#set('connecting');
    this.movedAt = performance.now();
    const url = streamUrl(this.name, this.transport, this.silent);
    const engine = mpegts.createPlayer({ type: 'flv', isLive: true, url }, config);
    this.engine = engine;
    engine.on(mpegts.Events.ERROR, (type, detail, info) => {
      if (this.engine === engine) this.#failed(detail, info);
    });
    engine.on(mpegts.Events.LOADING_COMPLETE, () => {
      if (this.engine === engine) this.#lost();
    });
    engine.attachMediaElement(this.video);
    engine.load();
    this.#begin();
  }

  async #begin() {
    const { engine } = this;
    if (!engine) return;
    try {
      await engine.play();
    } catch (error) {
      if (this.engine !== engine || error.name !== 'NotAllowedError') return;
      if (this.video.muted) return this.#set('blocked');
      this.video.muted = true;
      this.#begin();
    }
  }

  #failed(detail, info) {
    const codec = detail === window.mpegts.ErrorDetails.MEDIA_CODEC_UNSUPPORTED
      || (detail === window.mpegts.ErrorDetails.MEDIA_MSE_ERROR && info?.code === 9);
    if (!codec) return this.#lost();
    this.detail = String(info?.info || info?.msg || info || '');
    this.#drop();
    this.#set('unsupported');
  }

  #lost() {
    this.#drop();
    if (!this.name || this.retry) return;
    this.#set('lost');
    this.retry = setTimeout(() => this.#connect(), this.delay);
    this.delay = Math.min(this.delay * 2, RETRY_LAST);
  }

  #drop() {
    const { engine } = this;
    this.engine = null;
    if (engine) engine.destroy();
  }

  #moved() {
    if (!this.engine || this.video.currentTime === this.position) return;
    this.position = this.video.currentTime;
    this.movedAt = performance.now();
    if (this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    this.delay = RETRY_FIRST;
    this.#set('playing');
  }

  #watch() {
    if (!this.engine || this.state === 'blocked' || document.hidden) return;
    if (performance.now() - this.movedAt > STALLED) this.#lost();
  }

  /** A hidden page may have been held back: go on with what is new. */
  #catchUp() {
    this.movedAt = performance.now();
    if (document.hidden || !this.engine || this.behind < FAR_BEHIND) return;
    const { buffered } = this.video;
    this.video.currentTime = buffered.end(buffered.length - 1) - 0.5;
  }

  #set(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}
