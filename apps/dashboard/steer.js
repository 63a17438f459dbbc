// The one dialog by which a person says something to a rollout or to the loop: name, reason, and what the page
// showed when it was opened. Where that has changed meanwhile it says so; the service refuses what is meant for
// something else. Nobody checks the name; it is remembered in this browser.

import { h } from '/format.js';

const NAME_KEY = 'millrace.said-by';

/**
 * @typedef {object} Saying
 * @property {string} title
 * @property {string} effect what it does, as a sentence
 * @property {string} seen what it is about, as the page shows it
 * @property {string} action the word on the button
 * @property {string} path where it goes
 * @property {Record<string, unknown>} body besides by and reason
 * @property {(live: import('./answers.js').Live) => string} stillSeen the same sentence of a newer state
 * @property {boolean} [grave] the button is red
 */

/** @type {Saying | undefined} */
let saying;
let meanwhile = '';

const at = (id) => document.getElementById(id);
const dialog = () => /** @type {HTMLDialogElement} */ (at('steer'));

function remembered() {
  try {
    return localStorage.getItem(NAME_KEY) ?? '';
  } catch {
    return ''; // the browser keeps nothing
  }
}

function remember(name) {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // the browser keeps nothing
  }
}

/** @param {Saying} wanted */
export function say(wanted) {
  saying = wanted;
  meanwhile = '';
  const field = (label, input) => h('label', {}, label, input);
  const text = { required: true, autocomplete: 'off' };
  const name = h('input', { ...text, name: 'by', maxlength: 128, autocomplete: 'name' });
  name.value = remembered();
  const submit = h('button', { type: 'submit', class: wanted.grave ? 'grave' : 'main' }, wanted.action);
  const form = h(
    'form',
    { onsubmit: (event) => send(event, form, submit) },
    h('h2', { id: 'h-steer' }, wanted.title),
    h('p', {}, wanted.effect),
    h('p', { class: 'muted' }, `As this page shows it: ${wanted.seen}`),
    h('p', { id: 'steer-meanwhile', class: 'warned', role: 'status' }),
    field('Your name (nobody checks it; it is kept as what you said)', name),
    field('Reason', h('textarea', { ...text, name: 'reason', maxlength: 1024, rows: 2 })),
    h('p', { id: 'steer-refused', class: 'refused', role: 'alert' }),
    h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: () => dialog().close() }, 'Cancel'), submit),
  );
  dialog().replaceChildren(form);
  dialog().showModal();
  const first = name.value === '' ? name : form.querySelector('textarea');
  first.focus();
}

/** Tells whoever has the dialog open what came meanwhile. @param {import('./answers.js').Live} live */
export function watchSaying(live) {
  if (saying === undefined || !dialog().open) return;
  const now = saying.stillSeen(live);
  if (now === saying.seen || now === meanwhile) return;
  meanwhile = now;
  at('steer-meanwhile').textContent = `Meanwhile: ${now}`;
}

/** @param {HTMLFormElement} form @param {HTMLButtonElement} submit */
async function send(event, form, submit) {
  event.preventDefault();
  const { path, body } = /** @type {Saying} */ (saying);
  const given = new FormData(form);
  const by = String(given.get('by')).trim();
  const reason = String(given.get('reason')).trim();
  const refused = at('steer-refused');
  if (by === '' || reason === '') {
    refused.textContent = 'Name and reason are kept with what is done: say both.';
    return;
  }
  remember(by);
  submit.disabled = true;
  refused.textContent = '';
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'millrace-tool': 'dashboard' },
      body: JSON.stringify({ ...body, by, reason }),
    });
    if (response.ok) {
      dialog().close();
      return;
    }
    const { error } = await response.json();
    refused.textContent = refusal(error, response.status);
  } catch {
    refused.textContent = 'No answer came. Whether it was done is not known: look at the page again.';
  } finally {
    submit.disabled = false;
  }
}

/** What a page that is behind could not know. */
const BEHIND = ['revision_conflict', 'other_rollout', 'no_rollout', 'step_superseded'];

function refusal(error, status) {
  const said = error?.message ?? `status ${status}`;
  const isBehind = BEHIND.includes(error?.facts?.reason);
  return `Refused, nothing was done: ${said}.${isBehind ? ' The rollout has moved on since you opened this: close it and look again.' : ''}`;
}
