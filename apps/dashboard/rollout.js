// The rollout panel: how far it is, what it waits for, what is thought of it by criterion, and what a person may
// say.

import { count, fill, h, table } from '/format.js';
import { say } from '/steer.js';
import { wallMoment } from '/times.js';
import { versionDot } from '/versions.js';

/** @typedef {NonNullable<import('./answers.js').Live['route']>} Route */
/** @typedef {NonNullable<import('./answers.js').Live['analysis']>} Analysis */
/** @typedef {Analysis['criteria'][number]} Criterion */

const VERDICTS = {
  pass: ['good', 'good'],
  fail: ['bad', 'bad'],
  not_yet: ['not decided yet', 'wait'],
  no_data: ['no data', 'wait'],
  inconclusive: ['not decided in its time', 'warn'],
};

/** @param {keyof typeof VERDICTS} verdict */
function verdictPill(verdict) {
  const [text, tone] = VERDICTS[verdict];
  return h('span', { class: `pill ${tone}` }, text);
}

const signed = (by, digits) => `${by > 0 ? '+' : by < 0 ? '−' : ''}${Math.abs(by).toFixed(digits)}`;

/** A share as points of a percent, with its sign. */
const points = (share) => signed(share * 100, 1);

/** @param {Criterion} criterion @param {Criterion['stable']} side */
function figureText({ unit }, { figure, k, n, says }) {
  if (figure === null) return 'none';
  if (unit === 'share') return `${count(k)} of ${count(n)}`;
  if (unit === 'loss') return `${figure.toPrecision(3)} of ${count(n)} labels`;
  if (unit === 'drifts') return says ?? count(figure);
  return unit === 'ms' ? `${figure.toPrecision(3)} ms` : figure.toPrecision(3);
}

/** @param {Criterion} criterion */
function untilSeen({ verdict, answersUntilSeen, unit }) {
  if (verdict === 'fail' || verdict === 'no_data' || unit === 'drifts') return '–';
  if (verdict === 'pass') return 'none: it is ruled out';
  if (answersUntilSeen === 0) return 'none: it would have been seen';
  return `about ${count(answersUntilSeen)}${unit === 'loss' ? ' labels' : ''}`;
}

/** @param {Analysis} analysis */
function criteriaTable({ candidate, stable, criteria }) {
  const heads = [
    { text: 'criterion' },
    { text: 'thought' },
    { text: `version ${candidate}`, num: true },
    { text: `version ${stable}`, num: true },
    { text: 'difference: points, loss or alarms', num: true },
    { text: 'interval', num: true },
    { text: 'more answers until the effect is seen', num: true },
  ];
  const rows = criteria.map((criterion) => {
    const { interval, difference, effect } = criterion;
    const digits = { loss: 4, drifts: 0 }[criterion.unit];
    const apart = (by) => (digits === undefined ? points(by) : signed(by, digits));
    return [
      { title: effect, content: [criterion.criterion] },
      { content: [verdictPill(criterion.verdict)] },
      figureText(criterion, criterion.candidate),
      figureText(criterion, criterion.stable),
      difference === null ? '–' : apart(difference),
      interval === null ? '–' : `${apart(interval.lower)} to ${apart(interval.upper)}`,
      { title: effect, content: [untilSeen(criterion)] },
    ];
  });
  return table(heads, rows);
}

/** @param {import('./answers.js').Live['analysis']} analysis @param {number} version of the rollout @param {boolean} isUnderWay */
function analysisText(analysis, version, isUnderWay) {
  if (analysis === null || analysis.candidate !== version)
    return isUnderWay ? [h('p', { class: 'muted' }, 'No router has said yet what it thinks of this rollout.')] : [];
  const { verdict, reason, dryRun, answered, stable, candidate, routers } = analysis;
  const of = analysis.isUnderWay ? 'Analysis' : 'Analysis of the last rollout';
  return [
    h('p', {}, `${of}: `, verdictPill(verdict), dryRun ? ' (dry run: nothing is done by it)' : '', ` ${reason}`),
    criteriaTable(analysis),
    ...analysis.criteria.flatMap(({ criterion, note }) =>
      note === undefined ? [] : [h('p', { class: 'muted' }, `${criterion}: ${note}.`)],
    ),
    h(
      'p',
      { class: 'muted' },
      `${count(answered.candidate)} answers of version ${candidate} (${count(answered.candidateAtStep)} at this step), ${count(answered.stable)} of version ${stable}, counted by ${routers} router${routers === 1 ? '' : 's'}.`,
    ),
  ];
}

/** Where the rollout stands, as a sentence: what a page shows when a person says something. @param {Route | null} route */
export function standing(route) {
  if (route === null || route.rollout.phase === 'idle') return 'no rollout';
  const { rollout, progress, revision } = route;
  if (progress === null) return `rollout of version ${rollout.version}, ${rollout.phase} (route revision ${revision})`;
  const { version, step, steps, weight } = progress;
  const held = rollout.steps?.pause === undefined ? '' : ', paused';
  return `rollout of version ${version}, step ${step} of ${steps}, ${weight} %${held} (route revision ${revision})`;
}

const EFFECTS = {
  skip: { action: 'Next step', effect: 'The next step comes now, whatever its time and the analysis say.' },
  pause: { action: 'Pause', effect: 'No step comes by itself until somebody resumes it.' },
  resume: { action: 'Resume', effect: 'It goes on with the time that its step had left.' },
  promote: { action: 'Promote', effect: 'All traffic goes to the version at once; the one before stays loaded.' },
  abort: {
    ...{ action: 'Abort', grave: true },
    effect: 'All traffic goes back to who had it before; the rollout has failed.',
  },
  rollback: { action: 'Roll back', effect: 'All traffic goes back to the version before.', grave: true },
};

/** @param {Route} route @returns {(keyof typeof EFFECTS)[]} */
function wordsOf({ rollout, previousVersion }) {
  const { phase, steps } = rollout;
  if (phase === 'loading') return ['abort'];
  if (phase === 'progressing')
    return [
      ...(steps?.pause === undefined ? /** @type {const} */ (['skip', 'pause']) : /** @type {const} */ (['resume'])),
      'promote',
      'abort',
    ];
  return previousVersion > 0 ? ['rollback'] : [];
}

/** @param {string} project @param {Route} route */
function buttons(project, route) {
  const { rollout, revision, previousVersion } = route;
  return wordsOf(route).map((word) => {
    const told = { grave: false, ...EFFECTS[word] };
    const { action } = told;
    const what = word === 'rollback' ? `to version ${previousVersion}` : `the rollout of version ${rollout.version}`;
    const open = () =>
      say({
        ...{ ...told, title: `${action} ${what}, ${project}`, seen: standing(route) },
        path: `/v1/projects/${project}/rollout/${word}`,
        body: { version: rollout.version, revision },
        stillSeen: (live) => (live.project === project ? standing(live.route) : 'another project'),
      });
    return h('button', { type: 'button', class: told.grave ? 'grave' : '', onclick: open }, `${action}…`);
  });
}

const PHASES = {
  idle: ['no rollout', ''],
  loading: ['loading', 'wait'],
  ready: ['loading', 'wait'],
  progressing: ['in steps', 'warn'],
  promoted: ['promoted', 'good'],
  failed: ['failed', 'bad'],
};

/** @param {Route} route @param {number} nowMs */
function facts({ rollout, progress, changedAtMs }, nowMs) {
  const at = (ms) => wallMoment(ms, nowMs);
  if (progress === null) {
    const since = `since ${at(rollout.loadingSinceMs ?? changedAtMs)}`;
    return [['State', `${PHASES[rollout.phase][0]} ${since}${rollout.message === '' ? '' : `: ${rollout.message}`}`]];
  }
  const { step, steps, weight, sinceMs, nextWeight, nextMs, waitsFor, check, untilMs, preview } = progress;
  const next = nextWeight === 100 ? 'all traffic' : `${nextWeight} %`;
  const { pause } = rollout.steps ?? {};
  return [
    ['Step', `${step} of ${steps}${check === null ? '' : `, the check ${check} the switch`}`],
    ['Share', `${weight} % of the traffic`],
    ['Since', at(sinceMs)],
    [
      'Next',
      nextMs === null
        ? next
        : nextMs > nowMs
          ? `${next}, at ${at(nextMs)} at the earliest`
          : `${next}, due since ${at(nextMs)}`,
    ],
    ['Waits for', waitsFor],
    ...(untilMs === null ? [] : [[check === null ? 'Ends at the latest' : 'A person is asked', at(untilMs)]]),
    ...(preview === null ? [] : [['Can be asked as', `model version ${preview}`]]),
    ...(pause === undefined
      ? []
      : [['Paused', `since ${at(pause.sinceMs)}${pause.by === '' ? '' : ` by ${pause.by} (said)`}`]]),
  ];
}

/** @param {HTMLElement} element @param {import('./answers.js').Live} live */
export function showRollout(element, { project, route, analysis, atMs }) {
  element.hidden = route === null || route.rollout.phase === 'idle';
  if (route === null || element.hidden) return;
  const { rollout, progress, revision } = route;
  const isPaused = rollout.steps?.pause !== undefined;
  const [text, tone] = isPaused ? ['paused', 'warn'] : PHASES[rollout.phase];
  const [head, where, thought, said] = ['rollout-head', 'rollout-facts', 'rollout-analysis', 'rollout-words'].map(
    (id) => document.getElementById(id),
  );
  fill(head, JSON.stringify([rollout.version, text]), () => [
    h('span', {}, versionDot(rollout.version), `Version ${rollout.version} `),
    h('span', { class: `pill ${tone}` }, text),
  ]);
  fill(where, JSON.stringify([route, progress]), () =>
    facts(route, atMs).map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))),
  );
  const isUnderWay = rollout.phase === 'progressing';
  fill(thought, JSON.stringify([analysis, rollout.version, isUnderWay]), () =>
    analysisText(analysis, rollout.version, isUnderWay),
  );
  fill(said, JSON.stringify([project, revision]), () => buttons(project, route));
}
