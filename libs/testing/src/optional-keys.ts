// Project files with each combination of the keys that may be absent (docs/project-file.md): the columns are always the
// same, so that only the keys differ.

export interface OptionalKeys {
  recordId: boolean;
  entity: boolean;
  eventTime: boolean;
  label: boolean;
}

const EITHER = [true, false] as const;

/** All sixteen, the one with everything first. */
export const OPTIONAL_KEYS: readonly OptionalKeys[] = EITHER.flatMap((recordId) =>
  EITHER.flatMap((entity) =>
    EITHER.flatMap((eventTime) => EITHER.map((label) => ({ recordId, entity, eventTime, label }))),
  ),
);

/** The keys that are there, for a test's name. */
export function namesOf(keys: OptionalKeys): string {
  const names = Object.entries(keys).flatMap(([name, isThere]) => (isThere ? [name] : []));
  return names.length === 0 ? 'none' : names.join(', ');
}

/** Columns id (integer), customer, at, amount and the outcome paid; `more` are further sections of the file. */
export function projectTextWith(keys: OptionalKeys, more = ''): string {
  return `name: loans
data:
${keys.recordId ? '  recordId: id\n' : ''}${keys.entity ? '  entity: customer\n' : ''}${keys.eventTime ? '  eventTime: at\n' : ''}  columns:
    - { name: id, type: integer, required: true }
    - { name: customer, type: text, required: true }
    - { name: at, type: timestamp, required: true }
    - { name: amount, type: number }
    - { name: paid, type: boolean, outcome: true }
${keys.label ? '  label: { name: paid, column: paid, delay: 1h }\n' : ''}features: [{ name: amount, kind: numeric }]
${more}`;
}
