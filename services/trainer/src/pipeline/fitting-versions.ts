// Which of the dataset versions that a training names fit the project file that it trains with: those whose labels were
// made by its label rule. Labels of two rules in one training contradict each other, and nobody would see it. What it
// takes to bring versions up to date is said here, too. Pure.

import { PlatformError } from '@millrace/domain';
import { labelRuleText, type Project, sameLabelRule } from '@millrace/project';

/** What is known of a dataset version beside its rows. */
export interface VersionFacts {
  readonly id: string;
  readonly kind: 'import' | 'live';
  readonly source: string;
  /** Empty = not known: of an earlier build. */
  readonly labelRule: string;
}

/** Of versions and of commands, told. */
const TOLD_MAX = 5;
const SHOWN_DIGITS = 12;

/**
 * @param leavesOut versions of another rule are left out and told; else they are refused
 * @throws PlatformError 'invalid_argument' where none is left
 */
export function fittingVersions(
  project: Project,
  versions: readonly VersionFacts[],
  leavesOut: boolean,
): { ids: readonly string[]; warnings: readonly string[] } {
  const rule = labelRuleText(project.data.label);
  const others = versions.filter(({ labelRule }) => !sameLabelRule(labelRule, rule));
  const ids = versions.filter((version) => !others.includes(version)).map(({ id }) => id);
  if (others.length === 0) return { ids, warnings: [] };
  const rules = [...new Set(others.map(({ labelRule }) => labelRule))].join(', ');
  const sentence =
    `the labels of ${versionsText(others)} were made by another rule (${rules}) than that of the project file ` +
    `(${rule}): ${forLabels(project.name, others)}`;
  if (leavesOut && ids.length > 0)
    return { ids, warnings: [`${others.length} of ${versions.length} dataset versions left out: ${sentence}.`] };
  const why = leavesOut ? 'no dataset version is left to train on: ' : '';
  throw new PlatformError('invalid_argument', `${why}${sentence}`, { facts: { project: project.name } });
}

/** Such as "dataset versions 3f2a… (jan.csv), 77b0… (feb.csv) and 2 more". */
export function versionsText(versions: readonly Omit<VersionFacts, 'labelRule'>[]): string {
  const shown = versions.slice(0, TOLD_MAX).map(({ id, source }) => `${id.slice(0, SHOWN_DIGITS)} (${nameOf(source)})`);
  const more = versions.length > TOLD_MAX ? ` and ${versions.length - TOLD_MAX} more` : '';
  return `dataset version${versions.length === 1 ? '' : 's'} ${shown.join(', ')}${more}`;
}

const nameOf = (source: string): string => source.replace(/^(?:upload|file):/, '');

/** The commands that bring the files of these versions in once more, as the project file says now. */
export function ingestAgain(project: string, versions: readonly Omit<VersionFacts, 'labelRule'>[]): string {
  const sources = [...new Set(versions.filter(({ kind }) => kind === 'import').map(({ source }) => source))];
  const commands = sources.slice(0, TOLD_MAX).map((source) => {
    const option = source.startsWith('file:') ? '--source' : '--file';
    return `\`millrace ingest ${project} ${option} ${nameOf(source)}\``;
  });
  const files = sources.length === 1 ? 'its file' : 'their files';
  return `ingest ${files} again (${commands.join(', ')}${sources.length > TOLD_MAX ? ' …' : ''})`;
}

function forLabels(project: string, versions: readonly VersionFacts[]): string {
  const streamed = `send the outcomes of streamed rows again (\`millrace labels add ${project} --file FILE\`)`;
  const isImport = ({ kind }: VersionFacts) => kind === 'import';
  if (versions.every(isImport)) return ingestAgain(project, versions);
  return versions.some(isImport) ? `${ingestAgain(project, versions)}, ${streamed}` : streamed;
}
