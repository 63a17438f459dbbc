// docs/detectors.md, made of the registry, so that the page cannot say something else than the code. A test holds the
// two equal; `npm run schema` writes it.

import { ALPHA } from './correction.js';
import type { Detector, DetectorOption } from './detector.js';
import { DETECTORS } from './registry.js';
import { SUBJECT_GROUPS, SUBJECTS, type SubjectGroup } from './subjects.js';

const INTRODUCTION = `# Detectors

What the monitor tests when a window closes, made of \`libs/drift\` by \`npm run schema\`. Each detector compares a window of one
subject with the reference of the model version that served it. Its options stand in the project file; those under
\`monitoring.input\` can be set for a single feature under \`monitoring.input.features.<name>\` too.

**Many tests.** All p-values of one window and version are corrected together (Holm 1979): with \`monitoring.input.alpha\`, the chance of
any false alarm among them is at most alpha in a window in which nothing changed, however many features there are and however they
depend on each other. Results and drift events carry the corrected p-value. A detector without a p-value rings at its bound alone:
that bound is what the operator set, and chance is not accounted for.`;

const BLAMES = ' It speaks against the version itself';
const TAKES_BACK = ', and takes a new one back';

/** The page as a whole. */
export function detectorsPage(): string {
  const alpha = `## alpha\n\n${table([['monitoring.input.alpha', ALPHA]])}`;
  return `${[INTRODUCTION, alpha, ...DETECTORS.map(section)].join('\n\n')}\n`;
}

function section(detector: Detector): string {
  const subjects = detector.subjects.map((subject) => nameOf(subject));
  const groups = SUBJECT_GROUPS.filter((group) => detector.subjects.some((kind) => SUBJECTS[kind].group === group));
  const options = Object.entries(detector.options);
  const rows = groups.flatMap((group) => options.map(([key, option]) => [pathOf(group, key), option] as const));
  return [
    `## ${detector.name}: ${detector.title} (${subjects.join(', ')})`,
    `Value: ${detector.formula}.`,
    `Alarm: ${detector.rule.text.replace('threshold', `\`${detector.threshold}\``)}.${blame(detector)}`,
    ...(detector.paper === '' ? [] : [`Source: ${detector.paper}.`]),
    table(rows),
  ].join('\n\n');
}

function blame({ blamesVersion, subjects }: Detector): string {
  if (!blamesVersion) return '';
  return `${BLAMES}${subjects.includes('software') ? TAKES_BACK : ''}.`;
}

function nameOf(kind: keyof typeof SUBJECTS): string {
  const subject = SUBJECTS[kind];
  return 'name' in subject ? subject.name : subject.title;
}

function pathOf(group: SubjectGroup, key: string): string {
  return `monitoring.${group}.${key}`;
}

function table(rows: readonly (readonly [string, DetectorOption])[]): string {
  return [
    '| option | default | range | unit | why this default |',
    '|---|---|---|---|---|',
    ...rows.map(
      ([path, { default: value, minimum, maximum, unit, reason }]) =>
        `| \`${path}\` | ${value} | ${minimum}–${maximum} | ${unit} | ${reason} |`,
    ),
  ].join('\n');
}
