// A project as ingest tells the other services of it, for a bench that starts without an ingest to apply it.

import { encodeProject } from '@millrace/contracts';
import type { MessageProducer } from '@millrace/kafka';
import { parseProject } from '@millrace/project';

/**
 * Parses a project file and sends it as its first revision. `createdAtMs` 0: of before projects told when they began.
 * @throws where the file has faults.
 */
export async function sendProject(producer: MessageProducer, text: string, createdAtMs = 0) {
  const parsed = parseProject(text, 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const { document, project } = parsed;
  const { name } = project;
  const value = encodeProject({
    ...{ name, document, revision: 1, documentSha256: '', appliedAtMs: 1, createdAtMs },
    ...{ labelRuleSinceMs: 0, earlierSchemas: [] },
  });
  await producer.send('projects.v1', [{ key: name, value }]);
  return project;
}
