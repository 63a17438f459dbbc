// What stands before the figures of one project: the overview of all of them, the next commands for whoever is new, and
// what the closed loop does in plain words.

import { count, fill, h } from '/format.js';
import { wallMoment, whenDataComesTo } from '/times.js';
import { versionDot } from '/versions.js';

/** @param {import('./answers.js').Next} next */
function stepsOf({ say, commands }) {
  return [
    h('p', {}, say),
    h(
      'ol',
      { class: 'commands' },
      ...commands.map((command) => {
        const code = h('code', {}, command);
        const button = h(
          'button',
          { type: 'button', 'aria-label': `Copy: ${command}`, onclick: () => copy(command, code, button) },
          'Copy',
        );
        return h('li', {}, code, button);
      }),
    ),
  ];
}

/** Where the browser gives no clipboard (a page that is not on this machine), the text is marked for Ctrl-C. */
async function copy(text, code, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = 'Ctrl-C';
  }
}

/** @param {HTMLElement} element @param {import('./answers.js').Next | null} next */
export function showNext(element, next) {
  element.hidden = next === null;
  fill(element, JSON.stringify(next), () => (next === null ? [] : [h('h2', {}, 'Next'), ...stepsOf(next)]));
}

/** @param {import('./answers.js').LoopNow['waits']} waits @param {number} nowMs */
function untilText({ untilMs, clock }, nowMs) {
  if (untilMs === null) return '';
  if (clock === 'processing') return `, until ${wallMoment(untilMs, nowMs)}`;
  return `, ${whenDataComesTo(untilMs)}`;
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** @param {import('./answers.js').LoopNow | null} loop @param {number} nowMs */
export function phaseSentence(loop, nowMs) {
  if (loop === null) return 'Not known: the trainer has not answered.';
  return `${sentence(loop.says)} It waits for ${loop.waits.for}${untilText(loop.waits, nowMs)}.`;
}

/** The drift that it answers, and drift that lasts. @param {import('./answers.js').LoopNow | null} loop */
const notesOf = (loop) => (loop?.notes ?? []).map((note) => h('p', {}, sentence(note)));

/** @param {import('./answers.js').LoopNow | null} loop @param {number} nowMs */
function decision(loop, nowMs) {
  if (loop === null) return null;
  if (loop.last === null) return h('p', { class: 'muted' }, 'Nothing decided yet.');
  return h(
    'p',
    {},
    h('span', { class: 'muted' }, `Last decision, ${wallMoment(loop.last.atMs, nowMs)}: `),
    loop.last.message,
  );
}

/** @param {import('./answers.js').Overview} project */
function servingText({ serving }) {
  if (serving.length === 0) return [h('span', { class: 'pill' }, 'nothing served')];
  return [
    h('span', { class: 'pill good' }, 'live'),
    ...serving.flatMap(({ version, weight }) => [
      ' ',
      h('span', { class: 'nowrap' }, versionDot(version), `version ${version}${weight < 100 ? ` ${weight} %` : ''}`),
    ]),
  ];
}

/** @param {import('./answers.js').Overview} project */
const ringing = ({ activeAlarms, idleAlarms }) => activeAlarms - idleAlarms;

/** @param {import('./answers.js').Overview} project */
function alarmText(project) {
  const rings = ringing(project);
  return rings === 0 ? 'no alarm rings' : `${rings} alarm${rings === 1 ? ' rings' : 's ring'}`;
}

/** @param {import('./answers.js').Overview} project @param {number} nowMs */
function cardOf(project, nowMs) {
  const { name, problem, predictions, predictionsPerSecond, versions, loop, next } = project;
  const facts = [
    ['Answered', `${count(predictions)}${predictionsPerSecond > 0 ? ` (${count(predictionsPerSecond)}/s)` : ''}`],
    ['Versions', count(versions)],
  ].map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value)));
  return h(
    'li',
    { class: 'card' },
    h('h3', {}, h('a', { href: `#${encodeURIComponent(name)}` }, name)),
    problem === name ? null : h('p', { class: 'muted' }, problem),
    h('p', {}, ...servingText(project)),
    h('p', {}, h('span', { class: `pill ${ringing(project) > 0 ? 'bad' : ''}` }, alarmText(project))),
    h('dl', {}, ...facts),
    h('p', { class: 'phase' }, phaseSentence(loop, nowMs)),
    ...notesOf(loop),
    decision(loop, nowMs),
    ...(next === null ? [] : stepsOf(next)),
  );
}

/**
 * Those with alarms first, then by name, as they come.
 * @param {HTMLElement} element
 * @param {import('./answers.js').Overview[]} projects
 * @param {number} nowMs
 */
export function showOverview(element, projects, nowMs) {
  const ordered = [...projects].sort((a, b) => Number(ringing(b) > 0) - Number(ringing(a) > 0));
  fill(element, JSON.stringify(ordered), () => ordered.map((project) => cardOf(project, nowMs)));
}
