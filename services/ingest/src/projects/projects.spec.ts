import { createHash } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { ManualClock, PROJECTS_MAX } from '@millrace/domain';
import type { OutboundMessage } from '@millrace/kafka';
import { parseProject } from '@millrace/project';
import { projectTextWith } from '@millrace/testing';
import { ProjectRegistry } from './project-registry.js';
import { ProjectPublisher, projectEntry } from './projects.kafka.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const TEXT = projectTextWith({ recordId: false, entity: false, eventTime: false, label: false });

/** An ingest process on the topic: what it wrote comes back to it as to all others. */
function processOn(topic: OutboundMessage[], clock = new ManualClock(1)) {
  const registry = new ProjectRegistry(sha256);
  const take = projectEntry(registry);
  let read = 0;
  const upToNow = async (): Promise<void> => {
    for (; read < topic.length; read++) {
      const { key, value } = topic[read] as { key: string; value: Buffer | null };
      take(key, value, { topic: '', partition: 0, offset: read, timestampMs: 1, headers: {}, replayed: false });
    }
  };
  const send = async (_topic: string, messages: readonly OutboundMessage[]) => void topic.push(...messages);
  const publisher = new ProjectPublisher(registry, { send } as never, clock, sha256, upToNow);
  return { registry, publisher, upToNow };
}

it('refuses one project too many before the topic has it, and takes a known one further on', async () => {
  const parsed = parseProject(TEXT, 'p');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const topic: OutboundMessage[] = [];
  const { registry, publisher } = processOn(topic);
  const entry = {
    revision: 1,
    document: parsed.document,
    documentSha256: '',
    appliedAtMs: 0,
    labelRuleSinceMs: 0,
    earlierSchemas: [],
    createdAtMs: 0,
  };
  for (let i = 0; i < PROJECTS_MAX; i++) registry.put({ ...entry, name: `p${i}` });
  const { name } = parsed.project;
  await expect(publisher.apply(TEXT, 'p', null)).rejects.toMatchObject({ code: 'overloaded' });
  expect([topic, registry.entry(name)]).toEqual([[], null]);
  expect(await publisher.apply(TEXT.replace(name, 'p7'), 'p', null)).toMatchObject({ entry: { revision: 2 } });
  expect(topic).toMatchObject([{ key: 'p7' }]);
});

it('gives no revision to two documents, though two processes apply at the same moment', async () => {
  const topic: OutboundMessage[] = [];
  const [one, two] = [processOn(topic), processOn(topic)];
  const other = (minRows: number) => `${TEXT}monitoring: { minRows: ${minRows} }\n`;
  for (let round = 1; round < 4; round++) {
    const applied = await Promise.all([
      one.publisher.apply(other(100 + 2 * round), 'p', null),
      two.publisher.apply(other(101 + 2 * round), 'p', null),
    ]);
    const revisions = applied.map((each) => (each.kind === 'applied' ? each.entry.revision : 0));
    expect(revisions.sort()).toEqual([2 * round - 1, 2 * round]);
    for (const { upToNow } of [one, two]) await upToNow();
    const entries = [one, two].map(({ registry }) => registry.list());
    expect(entries[0]).toEqual(entries[1]);
    // Also for who reads the topic after compaction.
    const later = processOn(topic.slice(-1));
    await later.upToNow();
    expect(later.registry.list()).toEqual(entries[0]);
  }
});

it('says since when the label rule is what it is, whatever else is applied', async () => {
  const topic: OutboundMessage[] = [];
  const clock = new ManualClock(100);
  const { publisher } = processOn(topic, clock);
  const text = projectTextWith({ recordId: false, entity: false, eventTime: false, label: true });
  const sinceOf = async (next: string) => {
    clock.advance(10);
    const applied = await publisher.apply(next, 'p', null);
    return applied.kind === 'applied' ? applied.entry.labelRuleSinceMs : applied.faults;
  };
  expect(await sinceOf(text)).toBe(0);
  expect(await sinceOf(`${text}monitoring: { minRows: 123 }\n`)).toBe(0);
  const other = text.replace(/(label: \{.*)\}/, '$1, operation: eq, value: true }');
  expect(other).not.toBe(text);
  expect(await sinceOf(other)).toBe(130);
  expect(await sinceOf(`${other}monitoring: { minRows: 123 }\n`)).toBe(130);
  expect(await sinceOf(text)).toBe(150);
});

it('says by which schemas its records were checked before, of settings that make none nothing', async () => {
  const topic: OutboundMessage[] = [];
  const { publisher, registry } = processOn(topic);
  const text = projectTextWith({ recordId: false, entity: false, eventTime: false, label: true });
  const hashes: string[] = [];
  const apply = async (next: string) => {
    const applied = await publisher.apply(next, 'p', null);
    if (applied.kind !== 'applied') throw new Error(JSON.stringify(applied.faults));
    const hash = registry.find(applied.entry.name)?.hash ?? '';
    if (!hashes.includes(hash)) hashes.unshift(hash);
    return applied.entry;
  };
  const { name } = await apply(text);
  expect((await apply(`${text}monitoring: { minRows: 123 }\n`)).earlierSchemas).toEqual([]);
  const wider = text.replace('columns:\n', 'columns:\n    - { name: extra, type: text }\n');
  expect((await apply(wider)).earlierSchemas).toEqual([hashes[1]]);
  const other = wider.replace('extra', 'another');
  expect((await apply(other)).earlierSchemas).toEqual([hashes[1], hashes[2]]);
  expect((await apply(text)).earlierSchemas).toEqual([hashes[0], hashes[1]]);
  expect(hashes.map((hash) => registry.schemaOf(name, hash)?.hash)).toEqual(hashes);
  // Who has just begun knows the names alone.
  const later = processOn(topic.slice(-1));
  await later.upToNow();
  expect(hashes.map((hash) => later.registry.schemaOf(name, hash) !== undefined)).toEqual([false, false, true]);
  expect(hashes.map((hash) => later.registry.wasSchema(name, hash))).toEqual([true, true, false]);
});
