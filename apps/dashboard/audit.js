// Who did what to the project, newest first: what was said stands there as said.

import { fill, h, table } from '/format.js';
import { wallMoment } from '/times.js';

const HEADS = [
  { text: 'when' },
  { text: 'who (said)' },
  { text: 'by, from' },
  { text: 'did' },
  { text: 'why' },
  { text: 'result' },
];

/** @param {import('./answers.js').AuditEntry} entry @param {number} nowMs */
function row({ atMs, who, tool, address, action, subject, reason, result, detail, isSound }, nowMs) {
  return [
    wallMoment(atMs, nowMs),
    who === '' ? '–' : who,
    address === '' ? tool : `${tool}, ${address}`,
    { content: [h('strong', {}, action), ` ${subject}`] },
    reason === '' ? '–' : reason,
    {
      content: [
        h('span', { class: `pill ${result === 'applied' ? 'good' : 'warn'}` }, result),
        isSound ? null : h('span', { class: 'pill bad' }, 'not as written'),
        ` ${detail}`,
      ].filter(Boolean),
    },
  ];
}

/** @param {HTMLElement} element @param {import('./answers.js').Audit} audit @param {number} nowMs */
export function showAudit(element, { project, entries, more, leftOut }, nowMs) {
  fill(element, JSON.stringify([entries, more, leftOut]), () => {
    if (entries.length === 0) return h('p', { class: 'muted' }, 'Nothing is known to have been done.');
    return [
      table(
        HEADS,
        entries.map((entry) => row(entry, nowMs)),
      ),
      more + leftOut === 0
        ? null
        : h(
            'p',
            { class: 'muted' },
            `${more + leftOut} older ones: `,
            h('code', {}, `npx millrace audit ${project} --since 30d`),
          ),
    ];
  });
}
