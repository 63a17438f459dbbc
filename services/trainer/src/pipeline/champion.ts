// The version that a new one has to beat: the one that the request names, else the one in service, else, where none is,
// the newest blessed one. Trained and registered versions alike.

import { PlatformError, type TrainingRequest } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import { labelRuleText, type Project, sameLabelRule } from '@millrace/project';
import type { Champion, Opponent } from './evaluate.js';
import type { EarlierModels } from './plan.js';

/** null = none. */
export async function championOf(
  { project, championVersion: named }: TrainingRequest,
  models: Pick<EarlierModels, 'opponent' | 'inService' | 'latestBlessed'>,
): Promise<Champion | null> {
  const inService = models.inService(project);
  const version = named ?? (inService || models.latestBlessed(project));
  if (version === 0) return null;
  const chosen = named === undefined ? 'the newest blessed' : 'as asked';
  return { ...(await models.opponent(project, version)), standing: version === inService ? 'in service' : chosen };
}

/**
 * One that answers another question than the project file asks, or takes a column as another type, is not compared
 * with: on these labels it would lose for nothing.
 */
export function comparable(
  champion: Champion | null,
  project: Project,
  inputs: readonly SignatureInput[],
): { champion: Champion | null; warnings: readonly string[] } {
  const why = champion === null ? undefined : whyNotCompared(champion, project, inputs);
  if (champion === null || why === undefined) return { champion, warnings: [] };
  return {
    champion: null,
    warnings: [`Version ${champion.version} (${champion.standing}) was not compared with: ${why}.`],
  };
}

/**
 * A version that was asked for, to be compared on the rows of now.
 * @throws PlatformError invalid_argument where it answers another question, not_found where it is no more
 */
export async function comparedVersion(
  project: Project,
  version: number,
  models: Pick<EarlierModels, 'opponent'>,
): Promise<Opponent> {
  const found = await models.opponent(project.name, version);
  const { champion, warnings } = comparable({ ...found, standing: 'as asked' }, project, found.inputs);
  if (champion === null) throw new PlatformError('invalid_argument', warnings.join(' '));
  return found;
}

function whyNotCompared(
  { labelRule, inputs: taken }: Champion,
  project: Project,
  inputs: readonly SignatureInput[],
): string | undefined {
  const rule = labelRuleText(project.data.label);
  if (!sameLabelRule(labelRule, rule)) return `it answers ${labelRule}, and the project file says ${rule} now`;
  const isNumber = ({ type }: SignatureInput) => type !== 'text' && type !== 'boolean';
  const other = taken.find((one) =>
    inputs.some((now) => now.name === one.name && now.type !== one.type && !(isNumber(now) && isNumber(one))),
  );
  if (other === undefined) return undefined;
  const now = inputs.find(({ name }) => name === other.name)?.type;
  return `it takes column "${other.name}" as ${other.type}, which is ${now} in the project file now`;
}
