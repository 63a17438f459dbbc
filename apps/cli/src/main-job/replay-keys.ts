// The columns without which nothing can be replayed. A project file with a replay names all of them: libs/project
// refuses one that does not.

import { assert } from '@millrace/domain';
import type { Project } from '@millrace/project';

export interface ReplayKeys {
  entity: string;
  eventTime: string;
  label: NonNullable<Project['data']['label']>;
}

export function replayKeys({ data: { entity, eventTime, label } }: Project): ReplayKeys {
  assert(
    entity !== undefined && eventTime !== undefined && label !== undefined,
    'a project with a replay names entity, event time and label',
  );
  return { entity, eventTime, label };
}
