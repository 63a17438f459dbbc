// The loop panel: state, what it waits for and for whom, drift that is open, what was decided and why, and what a
// person may say: an answer to what it asks, the kill switch, its end.

import { figure, fill, h, table } from '/format.js';
import { phaseSentence } from '/overview.js';
import { say } from '/steer.js';
import { eventTime, wallMoment } from '/times.js';

/** @typedef {import('./answers.js').LoopNow} LoopNow */
/** @typedef {NonNullable<LoopNow['asked']>} Asked */

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** @param {Asked} asked @param {number} nowMs */
function askedText({ what, sinceMs, expiresAtMs, approvers, wanted, given }, nowMs) {
  const since = sinceMs === 0 ? '' : `, asked since ${wallMoment(sinceMs, nowMs)}`;
  const until = expiresAtMs === null ? '; it waits for ever' : `; given up at ${wallMoment(expiresAtMs, nowMs)}`;
  const people = approvers === 1 ? 'One person decides' : `${approvers} different people have to approve`;
  const names = given.map(({ by, reason, atMs }) =>
    h('li', {}, `${by} (said) approved at ${wallMoment(atMs, nowMs)}${reason === '' ? '' : `: ${reason}`}`),
  );
  return h(
    'div',
    { class: 'asked' },
    h('p', {}, h('strong', {}, `It asks about ${what}`), `${since}${until}. ${people}; ${wanted} still wanted.`),
    names.length === 0 ? null : h('ul', {}, ...names),
  );
}

/** @param {LoopNow['openDrifts']} drifts */
function driftTable(drifts) {
  if (drifts.length === 0) return null;
  const heads = [
    { text: 'open drift' },
    { text: 'test' },
    { text: 'value', num: true },
    { text: 'threshold', num: true },
    { text: 'since (event time)' },
    { text: 'retrainings that did not end it', num: true },
  ];
  const rows = drifts.map(({ feature, detector, value, threshold, windowStartMs, tries }) => [
    ...[feature, detector, figure(value), figure(threshold), eventTime(windowStartMs), String(tries)],
  ]);
  return table(heads, rows);
}

/** @param {LoopNow} loop @param {number} nowMs */
function decisionList({ decisions }, nowMs) {
  if (decisions.length === 0) return h('p', { class: 'muted' }, 'Nothing decided yet.');
  return h(
    'div',
    {},
    h('h3', {}, 'Decisions, newest first'),
    h(
      'ol',
      { class: 'decisions' },
      ...decisions.map(({ atMs, message }) =>
        h('li', {}, h('time', { class: 'muted' }, wallMoment(atMs, nowMs)), ` ${message}`),
      ),
    ),
  );
}

/** What a page shows when a person says something. @param {LoopNow | null} loop */
function standing(loop) {
  if (loop === null) return 'nobody knows: the trainer does not answer';
  const { phase, asked } = loop;
  return asked === null || asked === undefined
    ? `the loop is ${phase.replace('_', ' ')} and asks nothing`
    : `it asks about ${asked.what}, ${asked.wanted} of ${asked.approvers} still wanted`;
}

const WORDS = {
  approve: { action: 'Approve', effect: 'It begins when as many people as the project file says have approved.' },
  reject: { action: 'Refuse', effect: 'What it asks about is given up.', grave: true },
  stop: {
    ...{ action: 'Stop the loop', grave: true },
    effect: 'The kill switch: nothing that it began has an effect any more; a version in service stays.',
  },
  resume: {
    action: 'Resume the loop',
    effect: 'It goes on; what was under way when it was stopped is left to a person.',
  },
};

/** @param {string} project @param {LoopNow} loop @param {keyof typeof WORDS} word */
function button(project, loop, word) {
  const told = { grave: false, ...WORDS[word] };
  const { action } = told;
  const { asked } = loop;
  const isAnswer = word === 'approve' || word === 'reject';
  const title = isAnswer ? `${action} ${asked?.what}, ${project}` : `${action} of ${project}`;
  const open = () =>
    say({
      ...{ ...told, title, seen: standing(loop) },
      path: `/v1/projects/${project}/loop/${word}`,
      body: isAnswer ? { about: asked?.about } : {},
      stillSeen: (live) => (live.project === project ? standing(live.loop) : 'another project'),
    });
  return h('button', { type: 'button', class: told.grave ? 'grave' : '', onclick: open }, `${action}…`);
}

/** @param {LoopNow} loop @returns {(keyof typeof WORDS)[]} */
const wordsOf = ({ asked, phase }) => [
  ...(asked ? /** @type {const} */ (['approve', 'reject']) : []),
  phase === 'stopped' ? 'resume' : 'stop',
];

/** @param {{ words: HTMLElement, text: HTMLElement }} elements @param {import('./answers.js').Live} live */
export function showLoop({ text, words }, { project, loop, atMs }) {
  fill(text, JSON.stringify(loop), () => [
    h('p', { class: 'phase' }, phaseSentence(loop, atMs)),
    ...(loop === null
      ? []
      : [
          loop.asked ? askedText(loop.asked, atMs) : null,
          ...loop.notes.map((note) => h('p', {}, sentence(note))),
          driftTable(loop.openDrifts),
          decisionList(loop, atMs),
        ]),
  ]);
  fill(words, JSON.stringify([project, loop?.phase, loop?.asked]), () =>
    loop === null ? [] : wordsOf(loop).map((word) => button(project, loop, word)),
  );
}
