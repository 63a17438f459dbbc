import { createHash } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { ManualClock, PROJECTS_MAX } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { projectTextWith } from '@millrace/testing';
import { ProjectRegistry } from './project-registry.js';
import { ProjectPublisher } from './projects.kafka.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const TEXT = projectTextWith({ recordId: false, entity: false, eventTime: false, label: false });

it('refuses one project too many before the topic has it, and takes a known one further on', async () => {
  const parsed = parseProject(TEXT, 'p');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const registry = new ProjectRegistry(sha256);
  const entry = { revision: 1, document: parsed.document, documentSha256: '', appliedAtMs: 0, createdAtMs: 0 };
  for (let i = 0; i < PROJECTS_MAX; i++) registry.put({ ...entry, name: `p${i}` });
  const sent: unknown[] = [];
  const producer = {
    send: async (_topic: string, messages: readonly { key: unknown }[]) => void sent.push(...messages),
  };
  const publisher = new ProjectPublisher(registry, producer as never, new ManualClock(1), sha256);
  const { name } = parsed.project;
  await expect(publisher.apply(TEXT, 'p', null)).rejects.toMatchObject({ code: 'overloaded' });
  expect([sent, registry.entry(name)]).toEqual([[], null]);
  expect(await publisher.apply(TEXT.replace(name, 'p7'), 'p', null)).toMatchObject({ entry: { revision: 2 } });
  expect(sent).toMatchObject([{ key: 'p7' }]);
});
