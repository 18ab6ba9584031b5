// SPDX-License-Identifier: LGPL-2.1-or-later
// hls.js, dash.js and shaka-player on an empty page of the server's own origin.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { open } from './harness.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const vendor = path.join(here, '../../plugins/page/node_modules');
const SCRIPTS = {
  hls: path.join(vendor, 'hls.js/dist/hls.min.js'),
  dash: path.join(vendor, 'dashjs/dist/modern/umd/dash.mediaplayer.min.js'),
  shaka: path.join(here, 'node_modules/shaka-player/dist/shaka-player.compiled.js'),
};
const PAGE = '<!doctype html><title>player</title><link rel="icon" href="data:,">'
  + '<video id="video" muted playsinline></video>';

/** Why these players cannot be used here, or null. */
export function missingPlayers() {
  const gone = Object.entries(SCRIPTS).find(([, file]) => !existsSync(file));
  return gone ? `no ${gone[0]} here` : null;
}

/** What runs on the page: window.player with heights() and height(), window.played with what went on. */
function begin({ kind, url, lowLatency, captions }) {
  const video = document.getElementById('video');
  const begun = performance.now();
  window.played = { errors: [], stalls: 0, first: null };
  const { played } = window;
  video.requestVideoFrameCallback(() => { played.first = performance.now() - begun; });
  video.addEventListener('waiting', () => {
    if (played.first !== null && !video.seeking) played.stalls += 1;
  });
  const make = {
    hls() {
      // What it thinks of the network is weighed by how long downloads took: next to nothing here.
      const hls = new window.Hls({ lowLatencyMode: lowLatency, abrEwmaFastLive: 0.3,
        abrEwmaSlowLive: 0.9,
        ...(lowLatency ? { maxLiveSyncPlaybackRate: 1.1 } : { liveSyncDurationCount: 2 }) });
      hls.on('hlsError', (event, data) => {
        if (data.fatal) played.errors.push(data.details);
      });
      hls.loadSource(url);
      hls.attachMedia(video);
      video.play();
      return { heights: () => hls.levels.map((level) => level.height),
        height: () => video.videoHeight,
        delay: () => (Date.now() - hls.playingDate) / 1000 };
    },
    dash() {
      const dash = window.dashjs.MediaPlayer().create();
      dash.updateSettings({ debug: { logLevel: 0 } });
      dash.on('error', (event) => played.errors.push(String(event.error?.message)));
      dash.initialize(video, url, true);
      return { heights: () => dash.getRepresentationsByType('video').map((r) => r.height),
        height: () => video.videoHeight,
        delay: () => dash.getCurrentLiveLatency() };
    },
    shaka() {
      const shaka = new window.shaka.Player();
      shaka.configure('manifest.hls.disableClosedCaptionsDetection', captions === false);
      shaka.addEventListener('error', (event) => played.errors.push(String(event.detail.code)));
      shaka.attach(video).then(() => shaka.load(url)).then(() => video.play())
        .catch((error) => played.errors.push(String(error.code || error)));
      return { heights: () => shaka.getVariantTracks().map((track) => track.height),
        height: () => video.videoHeight,
        delay: () => (Date.now() - shaka.getPlayheadTimeAsDate()) / 1000 };
    },
  };
  window.player = make[kind]();
}

/** An open page that plays URL with KIND: hls, dash or shaka. */
export async function watch(browser, server, kind, url, options = {}) {
  const page = await open(browser, `${server.url}/`);
  await page.route('**/player.html', (route) => route.fulfill({
    contentType: 'text/html', body: PAGE }));
  await page.goto(`${server.url}/player.html`);
  await page.addScriptTag({ content: readFileSync(SCRIPTS[kind], 'utf8') });
  await page.evaluate(begin, { kind, url, ...options });
  return page;
}

/** What has happened so far. */
export function look(page) {
  return page.evaluate(() => {
    const video = document.getElementById('video');
    const call = (what) => {
      try {
        return window.player[what]();
      } catch {
        return null;
      }
    };
    return { ...window.played, time: video.currentTime, ended: video.ended,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
      sound: video.webkitAudioDecodedByteCount, duration: video.duration,
      buffer: video.buffered.length ? video.buffered.end(video.buffered.length - 1) - video.currentTime : 0,
      heights: call('heights'), height: call('height'), delay: call('delay') };
  });
}
