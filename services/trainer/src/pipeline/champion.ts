// The version that a new one has to beat: the one that the request names, else the one in service, else, where none is,
// the newest blessed one. Trained and registered versions alike.

import type { TrainingRequest } from '@millrace/domain';
import type { Champion } from './evaluate.js';
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
