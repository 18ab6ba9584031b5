// SPDX-License-Identifier: LGPL-2.1-or-later
// The sentences of po/, as the build turned them into locale/LANGUAGE.json. English is in the code.

export const languages = { en: 'English', zh_CN: '简体中文' };

const SAVED = 'lectern.language';
let current = 'en';
let sentences = {};

/** Translates; {0}, {1} … are replaced by the values. */
export function _(text, ...values) {
  return (sentences[text] || text).replace(/\{(\d)\}/g, (mark, index) => values[index] ?? mark);
}

export function language() {
  return current;
}

/** The language chosen before, else the first of the browser's that there is. */
export function preferredLanguage() {
  const saved = recall(SAVED);
  if (saved in languages) return saved;
  for (const tag of navigator.languages || [navigator.language]) {
    if (/^zh\b/i.test(tag)) return 'zh_CN';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'en';
}

export async function setLanguage(code, { remember = false } = {}) {
  let loaded = {};
  if (code !== 'en') {
    const answer = await fetch(`/page/locale/${code}.json`);
    if (!answer.ok) return;
    loaded = await answer.json();
  }
  sentences = loaded;
  current = code;
  document.documentElement.lang = code.replace('_', '-');
  if (remember) store(SAVED, code);
}

/** Storage may be forbidden; then choices last as long as the page. */
export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function store(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private windows and strict settings: nothing to keep it in.
  }
}
