// SPDX-License-Identifier: LGPL-2.1-or-later
// Any stream or recording with any player, and what the player makes of it.

import { _, language, languages, preferredLanguage, setLanguage } from '../i18n.js';
import { ways } from './engines.js';

const POLL = 3000;
const RETRY = 1500;
const $ = (id) => document.getElementById(id);
const video = $('video');

let streams = [];
let recordings = [];
let records = true; // until the server says that it knows of no recordings
let chosen = ''; // "live/physics" or "replay/ID"
let way = 'll-hls';
let engine = null;
let turn = 0; // grows with each start, so that what an earlier one says is not heard
let begun = 0;
let firstPicture = null;
let retry = null;
let trouble = '';
let qualities = '';

// ── choosing ────────────────────────────────────────────────────────────────────────────────────

const isRecording = (name) => name.startsWith('replay/');
const sourceOf = (name) => name.split('@')[0];
/** Renditions of a stream are chosen by quality, not by name. */
const onAir = () => streams.filter(({ name, state }) => !name.includes('@')
  && (state === 'live' || state === 'away'));
const renditions = () => streams.filter(({ name, video: picture }) => picture
  && sourceOf(name) === sourceOf(chosen));

function readAddress() {
  const words = new URLSearchParams(location.search);
  const named = [...words.keys()].find((key) => /^[\w.~-]+\/[\w.~@-]+$/.test(key));
  if (named) chosen = named;
  if (words.get('player') in ways) way = words.get('player');
}

function writeAddress() {
  history.replaceState(null, '', chosen ? `?${chosen}&player=${way}` : location.pathname);
}

/** A way that can play what is chosen. */
function fitWay() {
  const kind = isRecording(chosen) ? 'recorded' : 'live';
  if (!ways[way][kind]) way = isRecording(chosen) ? 'hls' : 'll-hls';
}

function choose(name, by = way) {
  chosen = name;
  way = by;
  fitWay();
  writeAddress();
  start();
  render();
}

// ── playing ─────────────────────────────────────────────────────────────────────────────────────

function stop() {
  clearTimeout(retry);
  retry = null;
  turn += 1;
  engine?.destroy();
  engine = null;
}

async function start() {
  stop();
  if (!chosen) return;
  const mine = turn;
  const url = ways[way].url(chosen);
  begun = performance.now();
  firstPicture = null;
  trouble = '';
  video.requestVideoFrameCallback?.(() => {
    if (mine === turn) firstPicture ??= performance.now() - begun;
  });
  const failed = (why) => {
    if (mine !== turn) return;
    trouble = why;
    stop();
    retry = setTimeout(start, RETRY);
    render();
  };
  try {
    const made = await ways[way].open(video, url, failed);
    if (mine !== turn) made.destroy();
    else engine = made;
  } catch (error) {
    failed(error.message);
    return;
  }
  // dash.js begins by itself; called too early, this would keep it from asking again.
  if (way !== 'dash') video.play().catch(() => {});
}

video.addEventListener('loadeddata', () => { firstPicture ??= performance.now() - begun; });

async function poll() {
  try {
    streams = (await (await fetch('/api/v1/streams', { cache: 'no-store' })).json()).streams;
    await pollRecordings();
  } catch {
    // The next time, perhaps.
  }
  if (!chosen && onAir().length > 0) choose(onAir()[0].name);
  render();
}

/** Those of the streams that are known here: the list of all is the operator's. */
async function pollRecordings() {
  if (!records) return;
  const names = new Set(onAir().map(({ name }) => name));
  if (chosen && !isRecording(chosen)) names.add(sourceOf(chosen));
  const found = await Promise.all([...names].slice(0, 20).map(async (name) => {
    const answer = await fetch(`/api/v1/streams/${name}/recordings`, { cache: 'no-store' });
    records = answer.status !== 404;
    return answer.ok ? (await answer.json()).recordings : [];
  }));
  recordings = found.flat().filter(({ state }) => state !== 'failed');
}

// ── showing ─────────────────────────────────────────────────────────────────────────────────────

function setText(id, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces a <select>'s options only when they changed, so that an open list stays. */
function setOptions(select, options, value) {
  const wanted = JSON.stringify(options);
  if (select.dataset.options !== wanted) {
    select.dataset.options = wanted;
    select.replaceChildren(...options.map(([id, text]) => new Option(text, id)));
  }
  select.value = value;
}

function describe({ stream, started, duration }) {
  const when = new Date(started).toLocaleString(language().replace('_', '-'),
    { dateStyle: 'medium', timeStyle: 'short' });
  return _('Recording: {0}, {1}', stream, `${when}, ${Math.round(duration)} s`);
}

function renderChoices() {
  const things = [...onAir().map(({ name }) => [name, _('Live: {0}', name)]),
    ...recordings.map((recording) => [`replay/${recording.id}`, describe(recording)])];
  if (chosen && !things.some(([id]) => id === chosen)) things.unshift([chosen, chosen]);
  if (things.length === 0) things.push(['', _('Nothing is live at the moment.')]);
  setOptions($('thing'), things, chosen);
  for (const input of $('ways').querySelectorAll('input')) {
    input.checked = input.value === way;
    input.parentElement.hidden = !ways[input.value][isRecording(chosen) ? 'recorded' : 'live'];
  }
}

function renderQualities() {
  let options;
  let value = '';
  if (ways[way].renditions && !isRecording(chosen)) {
    options = renditions().map(({ name, video: { height } }) => [name, `${height}p`]);
    value = chosen;
  } else {
    options = [['', _('Automatic')],
      ...(engine?.qualities() || []).map(({ id, name }) => [String(id), name])];
    value = options.some(([id]) => id === qualities) ? qualities : '';
  }
  if (options.length === 0) options = [['', _('Automatic')]];
  setOptions($('quality'), options, value);
  $('quality').disabled = options.length < 2;
}

const seconds = (value) => (value === null ? '–' : _('{0} s', value.toFixed(2)));

function renderFacts() {
  const quality = video.getVideoPlaybackQuality?.();
  const { buffered, currentTime } = video;
  const ahead = buffered.length ? buffered.end(buffered.length - 1) - currentTime : null;
  const rows = {
    delay: [_('Delay'), seconds(isRecording(chosen) ? null : engine?.delay() ?? null)],
    buffer: [_('Buffer'), seconds(ahead)],
    rendition: [_('Picture shown'), engine?.current() || '–'],
    size: [_('Size'), video.videoWidth ? `${video.videoWidth}×${video.videoHeight}` : '–'],
    dropped: [_('Frames dropped'), quality
      ? `${quality.droppedVideoFrames} / ${quality.totalVideoFrames}` : '–'],
    first: [_('First picture after'), firstPicture === null ? '–'
      : _('{0} ms', Math.round(firstPicture))],
  };
  for (const [id, [name, value]] of Object.entries(rows)) {
    let row = $(`fact-${id}`);
    if (!row) {
      row = document.createElement('div');
      row.id = `fact-${id}`;
      row.append(document.createElement('dt'), document.createElement('dd'));
      $('table').append(row);
    }
    if (row.children[0].textContent !== name) row.children[0].textContent = name;
    if (row.children[1].textContent !== value) row.children[1].textContent = value;
  }
}

function message() {
  if (!chosen) return _('Nothing is live at the moment. This page looks again every few seconds.');
  if (trouble === 'missing') {
    return _('The player is not installed on this server: run “./dev build”.');
  }
  if (trouble === 'unsupported') return _('This browser cannot play live video.');
  if (trouble) return _('{0} does not play at the moment. Trying again…', ways[way].name);
  return firstPicture === null && video.currentTime === 0 ? _('Connecting…') : '';
}

function render() {
  const url = chosen ? new URL(ways[way].url(chosen), location.href).href : '';
  setText('message', message());
  renderChoices();
  renderQualities();
  renderFacts();
  setText('address', url);
  if (url) $('address').href = url;
  document.title = chosen ? `${chosen} · Lectern` : 'Lectern';
}

function renderTexts() {
  setText('language-label', _('Language'));
  setText('thing-label', _('Stream'));
  setText('ways-label', _('Player'));
  setText('quality-label', _('Quality'));
  setText('facts-title', _('What the player says'));
  setText('address-label', _('Address:'));
  render();
}

// ── acting ──────────────────────────────────────────────────────────────────────────────────────

function onQuality() {
  const { value } = $('quality');
  if (ways[way].renditions) {
    choose(value);
    return;
  }
  qualities = value;
  // hls.js counts, dash.js names.
  engine?.quality(value === '' ? null : (way === 'dash' ? value : Number(value)));
}

function makeWays() {
  for (const [id, { name }] of Object.entries(ways)) {
    const label = document.createElement('label');
    const input = document.createElement('input');
    input.type = 'radio';
    input.name = 'way';
    input.value = id;
    input.addEventListener('change', () => {
      qualities = '';
      choose(ways[id].renditions ? chosen : sourceOf(chosen), id);
    });
    label.append(input, name);
    $('ways').append(label);
  }
}

async function begin() {
  readAddress();
  makeWays();
  $('language').replaceChildren(...Object.entries(languages).map(([code, name]) => (
    new Option(name, code))));
  $('language').addEventListener('change', async () => {
    await setLanguage($('language').value, { remember: true });
    renderTexts();
  });
  $('thing').addEventListener('change', () => {
    qualities = '';
    choose($('thing').value);
  });
  $('quality').addEventListener('change', onQuality);
  $('choices').addEventListener('submit', (event) => event.preventDefault());
  await setLanguage(preferredLanguage());
  $('language').value = language();
  if (chosen) choose(chosen);
  renderTexts();
  await poll();
  setInterval(poll, POLL);
  setInterval(() => { renderQualities(); renderFacts(); setText('message', message()); }, 500);
}

begin();
