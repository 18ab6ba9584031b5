// SPDX-License-Identifier: LGPL-2.1-or-later
// A real server, an encoder and headless Chromium, for tests of what a viewer sees.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const build = process.env.LECTERN_BUILD_DIR || path.join(here, '../../build');
const patience = Number(process.env.LECTERN_TEST_PATIENCE || 1);
const CHROMIUM = '/usr/bin/chromium';

const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options });
  child.log = '';
  child.stderr.on('data', (data) => { child.log += data; });
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}

async function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

/** Why these tests cannot run here, or null. */
export function missing(...players) {
  if (!existsSync(CHROMIUM)) return 'no chromium here';
  if (!existsSync(path.join(here, 'node_modules/playwright-core'))) return 'no playwright-core here';
  if (!existsSync(path.join(build, 'plugins/rtmp.so'))) return 'no rtmp plugin here';
  for (const player of ['mpegts', ...players]) {
    if (!existsSync(path.join(build, `plugins/page/site/vendor/${player}.js`))) {
      return `no ${player}.js here`;
    }
  }
  return null;
}

/** Calls CONDITION until it gives something true, and returns that. */
export async function until(what, condition, seconds = 15) {
  const last = Date.now() + seconds * 1000 * patience;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > last) assert.fail(`waited ${seconds} s for ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
}

export class Server {
  static async start(settings = {}) {
    const server = new Server();
    server.folder = mkdtempSync(path.join(tmpdir(), 'lectern-browser-'));
    server.options = Object.entries({
      'server.state-dir': path.join(server.folder, 'state'),
      'http.listen': '127.0.0.1:0',
      'rtmp.listen': '127.0.0.1:0',
      'rtsp.listen': '127.0.0.1:0',
      ...settings,
    }).map(([key, value]) => `--set=${key}=${value}`);
    server.program = path.join(build, 'lectern');
    const ready = path.join(server.folder, 'ready');
    server.process = start(server.program,
      ['serve', ...server.options, '--ready-file', ready]);
    const listeners = await until('the server', () => {
      assert.equal(server.process.exitCode, null, server.process.log);
      return existsSync(ready) && JSON.parse(readFileSync(ready, 'utf8'));
    });
    server.http = listeners.http.replace('127.0.0.1', 'localhost');
    server.rtmp = listeners.rtmp;
    server.rtsp = listeners.rtsp;
    server.url = `http://${server.http}`;
    return server;
  }

  key(name) {
    const text = execFileSync(this.program, ['key', 'new', name, ...this.options]).toString();
    return text.match(/[\w-]{43}/)[0];
  }

  async stream(name) {
    assert.equal(this.process.signalCode ?? this.process.exitCode, null, this.process.log);
    const answer = await fetch(`${this.url}/api/v1/streams`);
    const { streams } = await answer.json();
    return streams.find((stream) => stream.name === name);
  }

  async live(name) {
    return until(`${name} to be live`, async () => {
      const stream = await this.stream(name);
      return stream?.state === 'live' && stream;
    });
  }

  /** Checks that it ends as it should and had nothing to complain of. */
  async stop() {
    await end(this.process, 'SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
    assert.equal(this.process.exitCode, 0, this.process.log);
    assert.doesNotMatch(this.process.log, /WARNING|CRITICAL|Sanitizer/);
  }
}

export class Encoder {
  /** Pushes a small test picture with sound, or the sound alone. */
  constructor(server, name, key, { video = true, size = '320x180', rate = 15, distance = 1,
    sound = ['-c:a', 'aac', '-ac', '2', '-b:a', '64k'], rtsp = false } = {}) {
    const source = `testsrc2=size=${size}:rate=${rate}`;
    const picture = video ? ['-re', '-f', 'lavfi', '-i', source] : [];
    const coding = video ? ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency',
      '-pix_fmt', 'yuv420p', '-g', String(rate * distance)] : [];
    this.process = start('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', ...picture,
      '-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100', ...coding,
      ...sound, ...(rtsp ? ['-f', 'rtsp', '-rtsp_transport', 'tcp', `rtsp://${server.rtsp}/${name}?key=${key}`]
        : ['-f', 'flv', `rtmp://${server.rtmp}/${name}?key=${key}`])]);
  }

  /** Unpublishes. */
  stop() {
    return end(this.process, 'SIGINT');
  }

  /** Vanishes, as a computer without power does. */
  kill() {
    return end(this.process, 'SIGKILL');
  }
}

/** Pushes a small test picture in H.265, without sound. Returns: what ends it. */
export function pushHevc(server, name, key) {
  const script = path.join(here, '../common/push_h265.py');
  const child = start('/usr/bin/python3', [script, server.rtmp.split(':').pop(), name, key]);
  return () => end(child, 'SIGTERM');
}

export async function launch() {
  const { chromium } = await import('playwright-core');
  // Chromium is not ours to test: without the settings that make our own programs fragile.
  const { G_DEBUG, MALLOC_PERTURB_, ...env } = process.env;
  return chromium.launch({
    executablePath: CHROMIUM,
    env,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking',
      '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required'],
  });
}

/** A page that remembers everything a page should not do. */
export async function open(browser, url, { locale = 'en-US', ...options } = {}) {
  const context = await browser.newContext({ locale, viewport: { width: 1000, height: 800 },
    ...options });
  const page = await context.newPage();
  page.trouble = [];
  page.on('pageerror', (error) => page.trouble.push(`error: ${error.message}`));
  page.on('console', (line) => {
    if (line.type() === 'error') page.trouble.push(`console: ${line.text()}`);
  });
  page.on('request', (request) => {
    const { host, protocol } = new URL(request.url());
    if (/^(http|ws)/.test(protocol) && host !== new URL(url).host) {
      page.trouble.push(`asks elsewhere: ${request.url()}`);
    }
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => {
      window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(url);
  return page;
}

/** What the <video> has done so far. */
export function media(page) {
  return page.evaluate(() => {
    const video = document.getElementById('video');
    return {
      time: video.currentTime,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      sound: video.webkitAudioDecodedByteCount,
      error: video.error?.message || null,
      muted: video.muted,
    };
  });
}

/** Waits until the picture (or the sound alone) has gone on for some time. */
export async function plays(page, { seconds = 1.5, frames = 15 } = {}) {
  const first = await until('the player to begin', async () => {
    const now = await media(page);
    return now.time > 0 && now;
  });
  return until('the picture to move', async () => {
    const now = await media(page);
    return now.time - first.time > seconds && now.frames - first.frames >= frames
      && now.sound > first.sound && now;
  });
}

/** Nothing went wrong on the page, and its policy was not violated. */
export async function assertClean(page) {
  assert.deepEqual(page.trouble, []);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.equal((await media(page)).error, null);
}
