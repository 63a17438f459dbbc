// What is said after labels were sent: when they count, and of refused ones what to write otherwise. Pure.

import type { Project } from '@millrace/project';
import { durationText } from '../overview/window-text.js';
import type { Refusal } from './send-labels.js';

/** `entity` of a project that has none, and the like. */
const NOT_WANTED = 'unknown_field';

const WHOSE_AND_WHEN = [
  { field: 'entity', option: '--entity KEY', column: 'entity' },
  { field: 'event_time_ms', option: '--event-time DATE', column: 'eventTime' },
];

/** Where a label does not say whose record it is about, or when that happened: how it says so, or that it must not. */
export function whoseAndWhen(refused: readonly Refusal[]): string[] {
  const reasons = refused.flatMap((one) => one.reasons);
  const of = (isWanted: boolean) =>
    WHOSE_AND_WHEN.filter((one) =>
      reasons.some(({ field, code }) => field === one.field && (code !== NOT_WANTED) === isWanted),
    );
  const names = (of: readonly (typeof WHOSE_AND_WHEN)[number][]) =>
    of.map(({ column }) => `column ${column}`).join(', ');
  const [missing, idle] = [of(true), of(false)];
  if (missing.length + idle.length === 0) return [];
  const options = missing.map(({ option }) => ` ${option}`).join('');
  const notes = [
    ...(missing.length === 0 ? [] : [`in a file: ${names(missing)}`]),
    ...(idle.length === 0
      ? []
      : [`without ${idle.map(({ option }) => option.split(' ')[0]).join(', ')}; in a file: without ${names(idle)}`]),
  ];
  return [`millrace labels add …${options}   # ${notes.join('; ')}`];
}

/** When a label is in a dataset version, which training reads. */
export function whenTheyCount({ name, data: { labelRefreshMs } }: Project): string {
  return (
    `in a dataset version: of records of an open span with its close, of imported and of closed ones within ` +
    `${durationText(labelRefreshMs)} (data.label.refresh), as a version of its own: \`millrace datasets ${name}\``
  );
}
