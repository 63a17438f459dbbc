// The table of alarms: what rings now with its newest value beside the first one, then what has ended. What rings is
// also said to screen readers when it changes.

import { nameOf } from '/detectors.js';
import { cohortId, cohortText, figure, fill, h, percent, pValue, table } from '/format.js';
import { eventTime, span } from '/times.js';

const SHOWN_MAX = 50;
const ENDED = { retired: 'version retired', corrected: 'taken back by late labels' };

/** Reference (grey) and live (red) shares side by side. */
function histogram({ bins, reference, live }) {
  const total = (values) => values.reduce((a, b) => a + b, 0) || 1;
  const [r, l] = [total(reference), total(live)];
  const top = Math.max(...reference.map((v) => v / r), ...live.map((v) => v / l), 1e-9);
  const bars = bins.map((bin, i) => {
    const bar = h(
      'span',
      { title: `${bin}: reference ${percent(reference[i] / r)}, window ${percent(live[i] / l)}` },
      h('b'),
      h('u'),
    );
    bar.children[0].style.height = `${(reference[i] / r / top) * 100}%`;
    bar.children[1].style.height = `${(live[i] / l / top) * 100}%`;
    return bar;
  });
  return h('div', { class: 'hist', role: 'img', 'aria-label': 'histogram of reference and window' }, ...bars);
}

/** @param {import('./answers.js').Alarm} alarm @param {import('./answers.js').DriftEvent[]} events */
const eventFor = (alarm, events) =>
  events.find(
    (e) =>
      e.feature === alarm.subject &&
      cohortId(e.cohort) === cohortId(alarm.cohort) &&
      e.window.startMs === alarm.windowStartMs,
  );

const rowOfCohort = (alarm, window) =>
  window?.cohorts.find(({ cohort }) => cohortId(cohort) === cohortId(alarm.cohort));

/** What the alarm's first test says in the newest window, where another one is the farthest above its threshold now. */
function sameTest(alarm, newest) {
  if (alarm.current.detector === alarm.detector || newest?.endMs !== alarm.current.windowEndMs) return undefined;
  const tests = rowOfCohort(alarm, newest)?.tests ?? [];
  return tests.find(({ feature, detector }) => feature === alarm.subject && detector === alarm.detector);
}

/** Rows of the alarm's cohort in the newest window, where they are too few to be tested. */
function fewRows(alarm, newest, minRows) {
  const row = rowOfCohort(alarm, newest);
  return alarm.endedMs === null && row !== undefined && row.predictions < (minRows ?? 0) ? row.predictions : undefined;
}

function stateOf(alarm, few) {
  if (alarm.endedMs !== null) return ['', ENDED[alarm.endReason] ?? 'calm again'];
  if (alarm.idle) return ['', 'no traffic any more'];
  if (few !== undefined) return ['', 'too few rows'];
  return alarm.phase === 'drift' ? ['bad', 'drift'] : ['warn', 'warning'];
}

/** @param {import('./answers.js').Alarm} alarm @param {{ statistic: number, threshold: number } | undefined} same */
function valueNow({ current, detector }, same) {
  const other = current.detector === detector ? undefined : current.detector;
  if (same === undefined) return ofThreshold(current, other);
  // Like with like first; beside it what is the farthest above its threshold.
  const farthest = `${other}: ${figure(current.value)} of ${figure(current.threshold)}`;
  return [...ofThreshold({ value: same.statistic, threshold: same.threshold }), h('div', { class: 'muted' }, farthest)];
}

/** @param {{ value: number, threshold: number }} figures @param {string} [test] where it is another than the first */
const ofThreshold = ({ value, threshold }, test) => [
  figure(value),
  h('div', { class: 'muted' }, `of ${figure(threshold)}${test === undefined ? '' : `, ${test}`}`),
];

/** @param {import('./answers.js').Alarm[]} ringing */
function announce(element, ringing) {
  const names = [...new Set(ringing.map((alarm) => nameOf(alarm.subject)))].join(', ');
  const text = ringing.length === 0 ? 'No alarm rings.' : `Alarms ring: ${names}.`;
  if (element.textContent !== text) element.textContent = text;
}

const HEADS = [
  { text: 'state' },
  { text: 'what' },
  { text: 'value now', num: true },
  { text: 'at first', num: true },
  { text: 'since' },
  { text: 'of' },
  { text: 'test' },
  { text: 'reference / window' },
];

/**
 * @param {HTMLElement} element
 * @param {HTMLElement} announced
 * @param {import('./answers.js').Alarm[]} alarms
 * @param {import('./answers.js').DriftEvent[]} events
 * @param {import('./answers.js').Window | undefined} newest
 * @param {number | null} minRows
 */
export function showAlarms(element, announced, alarms, events, newest, minRows) {
  announce(
    announced,
    alarms.filter(({ endedMs, idle }) => endedMs === null && !idle),
  );
  // What lasts stands first; the rest newest first, as it came.
  const shown = [...alarms]
    .sort((a, b) => (a.endedMs === null ? 0 : 1) - (b.endedMs === null ? 0 : 1))
    .slice(0, SHOWN_MAX);
  fill(element, JSON.stringify([shown, events.length, newest?.endMs, minRows]), () => {
    if (shown.length === 0)
      return h(
        'div',
        { class: 'none' },
        'No alarm so far. Every window is compared with the reference of the version that served it.',
      );
    return table(
      HEADS,
      shown.map((alarm) => rowOf(alarm, eventFor(alarm, events), newest, minRows)),
    );
  });
}

function rowOf(alarm, event, newest, minRows) {
  const few = fewRows(alarm, newest, minRows);
  const [tone, state] = stateOf(alarm, few);
  const windowMs = alarm.windowEndMs - alarm.windowStartMs;
  const lasted = `${alarm.windows} window${alarm.windows === 1 ? '' : 's'}`;
  const old = alarm.endedMs === null && few === undefined && alarm.current.windowEndMs < (newest?.endMs ?? 0);
  return [
    { content: [h('span', { class: `pill ${tone}` }, state)] },
    { content: [h('strong', {}, nameOf(alarm.subject))] },
    alarm.endedMs === null
      ? { class: few === undefined && !alarm.idle ? 'now' : 'few', content: valueNow(alarm, sameTest(alarm, newest)) }
      : { content: ['–', h('div', { class: 'muted' }, `last ${figure(alarm.current.value)}`)] },
    {
      content: [
        ...ofThreshold(alarm),
        h('div', { class: 'muted' }, alarm.pValue === null ? '' : `p ${pValue(alarm.pValue)}`),
      ],
    },
    {
      content: [
        span(alarm.sinceMs, alarm.sinceMs + windowMs),
        h('div', { class: 'muted' }, lasted),
        old
          ? h(
              'div',
              { class: 'muted' },
              `newest value of ${span(alarm.current.windowEndMs - windowMs, alarm.current.windowEndMs)}`,
            )
          : null,
        few === undefined ? null : h('div', { class: 'muted' }, `${few} rows now, tests need ${minRows}`),
        alarm.endedMs === null ? null : h('div', { class: 'muted' }, `until ${eventTime(alarm.endedMs)}`),
      ],
    },
    cohortText(alarm.cohort),
    { content: [alarm.detector, h('div', { class: 'formula' }, alarm.formula)] },
    { content: [event?.histogram?.bins.length ? histogram(event.histogram) : ''] },
  ];
}
