// What can drift: a feature of the inputs (numeric or categorical), the model's scores, its quality on labelled rows,
// and the software that answers. Each kind belongs to one group, whose detectors take their options from one place; all
// but features have a fixed name on the wire.

export type SubjectKind = 'numeric' | 'categorical' | 'score' | 'quality' | 'software';

export const SUBJECT_GROUPS = ['input', 'output', 'software'] as const;
export type SubjectGroup = (typeof SUBJECT_GROUPS)[number];

export interface Subject {
  readonly group: SubjectGroup;
  /** As in test results and drift events; undefined = the feature's own name. No column's name starts with @. */
  readonly name?: string;
  /** For people. */
  readonly title: string;
}

export const SUBJECTS = {
  numeric: { group: 'input', title: 'a numeric feature' },
  categorical: { group: 'input', title: 'a categorical feature' },
  score: { group: 'output', name: '@score', title: 'scores' },
  quality: { group: 'output', name: '@quality', title: 'quality' },
  software: { group: 'software', name: '@software', title: 'software' },
} as const satisfies Readonly<Record<SubjectKind, Subject>>;

/** The fixed names of a group's subjects. */
export function subjectNames(group: SubjectGroup): string[] {
  const subjects: readonly Subject[] = Object.values(SUBJECTS);
  return subjects.flatMap((subject) => (subject.group === group && subject.name !== undefined ? [subject.name] : []));
}
