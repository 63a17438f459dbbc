// The windows as a heat strip: a row per subject, a column per closed window, oldest left. A cell shows the worst test
// of the window over all cohorts, as statistic / threshold; alarms carry a mark, so that colour is not the only sign.

import { formulaOf, nameOf } from '/detectors.js';
import { cohortText, count, figure, fill, h, pValue, table, wholeVersions } from '/format.js';
import { eventTime, span, timeLabel, whenDataComesTo } from '/times.js';
import { versionColour } from '/versions.js';

const COLUMNS_MAX = 60;
const COLUMNS_MIN = 4;
/** A cell with the space after it, and the most that the names of the rows may take, as style.css has them. */
const CELL_PX = 24;
const NAMES_PX = 156;
const NAMES_NARROW_PX = 104;
/** A wide letter of a name, and the space around it. */
const LETTER_PX = 8;
const NAME_SPACE_PX = 12;
/** A label is wider than a cell: one for so many columns. */
const LABEL_COLUMNS = 4;
const NOT_TESTED = 'not tested';
const QUALITY = '@quality';
const SOFTWARE = '@software';
const NO_DATA = 'failed requests: no data';
let chosen;

const ratioOf = (test) => (test.threshold > 0 ? test.statistic / test.threshold : test.statistic > 0 ? 1 : 0);
const level = (ratio, alarm) => (alarm ? (ratio >= 2 ? 4 : 3) : ratio >= 0.75 ? 2 : ratio >= 0.4 ? 1 : 0);

/** @param {import('./answers.js').Window} window @param {string} subject */
function testsOf(window, subject) {
  return window.cohorts.flatMap(({ cohort, tests }) =>
    tests.filter((test) => test.feature === subject).map((test) => ({ ...test, cohort })),
  );
}

/** @param {import('./answers.js').Window[]} windows */
function subjectsOf(windows) {
  const all = new Set(windows.flatMap((w) => w.cohorts.flatMap((row) => row.tests.map((t) => t.feature))));
  if (windows.some((w) => w.labelsUntilMs !== null)) all.add(QUALITY);
  const features = [...all].filter((name) => !name.startsWith('@'));
  return [...features, ...[...all].filter((name) => name.startsWith('@')).sort()];
}

/** Why a window was not tested, where it had too few rows. @param {import('./answers.js').Window} window */
function fewText(window, minRows) {
  const most = Math.max(0, ...wholeVersions(window.cohorts).map((v) => v.predictions));
  if (minRows === null || most >= minRows) return undefined;
  return `${span(window.startMs, window.endMs)}: too few rows, ${count(most)} of the ${count(minRows)} that tests need`;
}

/** Nobody read the router while it was answered: what failed is not known. @param {import('./answers.js').Window} window */
const isUncounted = (window) => window.cohorts.every(({ software }) => (software?.requests ?? 0) === 0);

/** Quality is judged when the labels are there. @param {import('./answers.js').Window} window */
const waitsText = (window) =>
  `${span(window.startMs, window.endMs)}: quality waits for labels, ${whenDataComesTo(window.labelsUntilMs)}`;

function cellOf(window, subject, tests, minRows, detail) {
  if (subject === QUALITY && window.labelsUntilMs !== null) {
    const waits = waitsText(window);
    return h('td', {}, h('span', { class: 'cell waits', role: 'img', title: waits, 'aria-label': waits }, '…'));
  }
  if (tests.length === 0) {
    const few = fewText(window, minRows);
    if (few === undefined) return h('td', {}, h('span', { class: 'cell blank', title: 'not tested' }));
    return h('td', {}, h('span', { class: 'cell few', role: 'img', title: few, 'aria-label': few }));
  }
  const alarming = tests.filter((test) => test.alarm);
  const worst = (alarming.length > 0 ? alarming : tests).reduce((a, b) => (ratioOf(b) > ratioOf(a) ? b : a));
  const ratio = ratioOf(worst);
  const few = worst.rows < (minRows ?? 0);
  const text =
    `${nameOf(subject)}, ${span(window.startMs, window.endMs)}: ${worst.detector} ${figure(worst.statistic)}` +
    ` of ${figure(worst.threshold)}${few ? `, only ${count(worst.rows)} rows` : ''}${worst.alarm ? ', alarm' : ''}` +
    (subject === SOFTWARE && isUncounted(window) ? `, ${NO_DATA}` : '');
  const id = `${subject}/${window.startMs}`;
  const button = h(
    'button',
    {
      type: 'button',
      tabindex: '-1',
      'data-id': id,
      class: `cell ${few ? 'few' : `l${level(ratio, worst.alarm)}`}`,
      title: text,
      'aria-label': text,
      'aria-pressed': String(chosen === id),
      onclick: () => {
        chosen = chosen === id ? undefined : id;
        for (const cell of document.querySelectorAll('.heat .cell'))
          cell.setAttribute('aria-pressed', String(cell === button && chosen !== undefined));
        detail(chosen === undefined ? undefined : { window, subject, tests });
      },
    },
    worst.alarm ? '!' : '',
  );
  return h('td', {}, button);
}

const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

/**
 * One stop of the Tab key for all cells, the newest one first; the arrow keys go on from there.
 * @param {HTMLTableElement} element
 */
function byArrows(element) {
  const rows = [...element.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.querySelector('button')));
  const all = rows.flat().filter((cell) => cell !== null);
  const stop = (cell) => {
    for (const each of all) each.tabIndex = each === cell ? 0 : -1;
  };
  stop(rows[0]?.findLast((cell) => cell !== null) ?? all[0]);
  element.addEventListener('focusin', ({ target }) => stop(target));
  element.addEventListener('keydown', (event) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    let y = rows.findIndex((row) => row.includes(/** @type {HTMLButtonElement} */ (event.target)));
    let x = rows[y]?.indexOf(/** @type {HTMLButtonElement} */ (event.target)) ?? -1;
    // What was not tested is no button, and passed over.
    do {
      y += step[0];
      x += step[1];
      rows[y]?.[x]?.focus();
    } while (rows[y]?.[x] === null);
  });
}

/** Whether time without rows lies before the window. @param {import('./answers.js').Window[]} windows @param {number} at */
const isAfterGap = (windows, at) => at > 0 && windows[at].startMs > windows[at - 1].endMs;

/** Labels begin anew after each gap. @param {import('./answers.js').Window[]} windows */
function headOf(windows) {
  const [first] = windows;
  const label = timeLabel(first.endMs - first.startMs, windows.at(-1).endMs - first.startMs);
  const heads = [];
  for (let at = 0; at < windows.length; ) {
    let colspan = 1;
    while (colspan < LABEL_COLUMNS && at + colspan < windows.length && !isAfterGap(windows, at + colspan)) colspan++;
    // A label over one column or two would widen them.
    const text = colspan >= LABEL_COLUMNS - 1 || at === 0 ? label(windows[at].startMs) : '';
    heads.push(h('th', { scope: 'colgroup', colspan }, text));
    at += colspan;
  }
  return h('tr', {}, h('td'), ...heads);
}

/** @param {import('./answers.js').Window[]} windows */
function versionsRow(windows) {
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, 'versions'),
    ...windows.map((window) => {
      const served = wholeVersions(window.cohorts).sort((a, b) => b.predictions - a.predictions);
      const bar = h('span', {
        class: 'bar',
        title: served.map((v) => `version ${v.version}: ${count(v.predictions)} rows`).join(', '),
      });
      const total = served.reduce((sum, v) => sum + v.predictions, 0);
      let at = 0;
      const stops = served
        .sort((a, b) => a.version - b.version)
        .map((v) => {
          const from = at;
          at += (v.predictions / total) * 100;
          return `${versionColour(v.version)} ${from}% ${at}%`;
        });
      if (stops.length > 0) bar.style.background = `linear-gradient(90deg, ${stops.join(', ')})`;
      return h('td', {}, bar);
    }),
  );
}

/** As many of the newest windows as are seen without scrolling. @param {HTMLElement} element @param {string[]} subjects */
function columnsOf(element, subjects) {
  const width = element.clientWidth;
  const longest = Math.max(...[...subjects.map(nameOf), 'versions'].map((name) => name.length));
  const names = Math.min(longest * LETTER_PX + NAME_SPACE_PX, width < 480 ? NAMES_NARROW_PX : NAMES_PX);
  return Math.max(COLUMNS_MIN, Math.min(COLUMNS_MAX, Math.floor((width - names) / CELL_PX)));
}

const WAITS = ['waits', 'quality waits for labels'];
const LEGEND = [
  ['', 'below 40 %'],
  ['l1', '40–75 %'],
  ['l2', '75 % and more'],
  ['l3', 'alarm (!)'],
  ['l4', 'alarm, twice the threshold'],
  ['few', 'too few rows'],
];

const GAP = ['gap', 'after a time without rows'];

/** @param {number | null} closesAtMs */
function noneText(closesAtMs) {
  if (closesAtMs === null) return 'No window yet: the first opens with the first answer.';
  return `No window has closed yet. The first closes when event time has passed ${eventTime(closesAtMs)}.`;
}

/**
 * @param {HTMLElement} element
 * @param {HTMLElement} detailElement
 * @param {import('./answers.js').Window[]} newestFirst
 * @param {number | null} minRows
 * @param {number | null} closesAtMs of the oldest open window
 */
export function showWindows(element, detailElement, newestFirst, minRows, closesAtMs) {
  const tested = subjectsOf(newestFirst.slice(0, COLUMNS_MAX));
  const windows = newestFirst.slice(0, columnsOf(element, tested.length > 0 ? tested : [NOT_TESTED])).reverse();
  const detail = (choice) => showDetail(detailElement, choice);
  const focused = element.contains(document.activeElement)
    ? /** @type {HTMLElement} */ (document.activeElement).dataset.id
    : undefined;
  const judged = windows.map(({ startMs, qualityRevision }) => [startMs, qualityRevision]);
  const none = windows.length === 0 ? noneText(closesAtMs) : '';
  fill(element, JSON.stringify([judged, minRows, none]), () => {
    if (none !== '') return h('div', { class: 'none' }, none);
    const subjects = subjectsOf(windows);
    const rows = (subjects.length > 0 ? subjects : [NOT_TESTED]).map((subject) =>
      h(
        'tr',
        {},
        h('th', { scope: 'row', title: nameOf(subject) }, nameOf(subject)),
        ...windows.map((window, at) => {
          const cell = cellOf(window, subject, testsOf(window, subject), minRows, detail);
          if (isAfterGap(windows, at)) cell.className = 'gap';
          return cell;
        }),
      ),
    );
    const label = 'Tests by window: arrow keys go from cell to cell, Enter shows the tests of one';
    const strip = h(
      'table',
      { 'aria-label': label },
      h('thead', {}, headOf(windows)),
      h('tbody', {}, ...rows, versionsRow(windows)),
    );
    byArrows(/** @type {HTMLTableElement} */ (strip));
    return [
      strip,
      h(
        'div',
        { class: 'legend' },
        h('span', {}, 'of the threshold:'),
        ...[
          ...LEGEND,
          ...(windows.some((w) => w.labelsUntilMs !== null) ? [WAITS] : []),
          ...(windows.some((_, at) => isAfterGap(windows, at)) ? [GAP] : []),
        ].map(([name, text]) => h('span', {}, h('i', { class: name }), text)),
      ),
    ];
  });
  // A window that closed made the strip anew: the focus stays at its cell.
  if (focused !== undefined && !element.contains(document.activeElement))
    [...element.querySelectorAll('button')].find((cell) => cell.dataset.id === focused)?.focus();
}

const DETAIL_HEADS = [
  { text: 'test' },
  { text: 'value', num: true },
  { text: 'threshold', num: true },
  { text: 'p', num: true },
  { text: 'of' },
  { text: 'rows', num: true },
  { text: 'state' },
  { text: 'formula' },
];

function showDetail(element, choice) {
  if (choice === undefined) {
    element.replaceChildren();
    return;
  }
  const { window, subject, tests } = choice;
  const rows = tests.map((test) => [
    test.detector,
    figure(test.statistic),
    figure(test.threshold),
    pValue(test.pValue),
    cohortText(test.cohort),
    count(test.rows),
    { content: [h('span', { class: `pill ${test.alarm ? 'bad' : 'good'}` }, test.alarm ? 'alarm' : 'calm')] },
    { class: 'formula', content: [formulaOf(test.detector)] },
  ]);
  element.replaceChildren(
    h('h2', {}, nameOf(subject), h('span', { class: 'muted' }, span(window.startMs, window.endMs))),
    ...(subject === SOFTWARE && isUncounted(window) ? [h('p', { class: 'muted' }, NO_DATA)] : []),
    table(DETAIL_HEADS, rows),
  );
}
