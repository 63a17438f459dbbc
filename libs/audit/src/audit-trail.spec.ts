import { describe, expect, it } from '@jest/globals';
import { type AuditEntry, decodeAuditEntry } from '@millrace/contracts';
import { ManualClock } from '@millrace/domain';
import { AuditChains, hashOf } from './audit-chain.js';
import { AuditTrail } from './audit-trail.js';

const DONE = {
  ...{ project: 'p', who: 'ada', tool: 'cli', address: '127.0.0.1', action: 'route.abort', subject: 'version 2' },
  ...{ reason: 'slow', result: 'applied' as const, detail: 'revision 7' },
};
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A broker that fails while `away`, and keeps what it took. */
function aTrail(writer = 'router-0-1') {
  const taken: AuditEntry[] = [];
  const broker = { away: false, bytesMax: Number.POSITIVE_INFINITY };
  const warned: string[] = [];
  const resume: (() => void)[] = [];
  const trail = new AuditTrail({
    ...{ writer, clock: new ManualClock(5) },
    producer: {
      send: async (_topic, messages) => {
        if (broker.away) throw new Error('away');
        for (const { value } of messages) {
          if ((value as Uint8Array).length > broker.bytesMax) throw new Error('too large');
          taken.push(decodeAuditEntry(value as Uint8Array));
        }
      },
    },
    log: { warn: (message) => void warned.push(message) },
    sleep: () => new Promise<void>((resolve) => resume.push(resolve)),
  });
  const again = async () => {
    for (const one of resume.splice(0)) one();
    await turn();
  };
  return { trail, taken, broker, warned, again };
}

describe('the trail', () => {
  it('writes who did what in order, each with the hash of the one before', async () => {
    const { trail, taken } = aTrail();
    trail.note(DONE);
    trail.note({ ...DONE, id: 'c-2', action: 'loop.stop', reason: 'x'.repeat(5_000) });
    await trail.settled(1_000);
    expect(taken).toMatchObject([
      { ...DONE, sequence: 1, atMs: 5, id: 'router-0-1/1', previousSha256: '' },
      { sequence: 2, id: 'c-2', action: 'loop.stop', previousSha256: taken[0]?.sha256 },
    ]);
    expect(taken[1]?.reason).toHaveLength(2_001);
  });

  it('is not held up for ever by one whose texts are longer than a message', async () => {
    const { trail, taken, broker } = aTrail();
    broker.bytesMax = 100_000;
    const long = 'é'.repeat(1_000_000);
    trail.note({ ...DONE, who: long, tool: long, address: long, subject: long, detail: long, correlationId: long });
    trail.note(DONE);
    await turn();
    expect(taken.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(taken[0]?.correlationId).toHaveLength(2_001);
  });

  it('holds nobody up while the broker is away, and writes it when it is back', async () => {
    const { trail, taken, broker, again, warned } = aTrail();
    broker.away = true;
    trail.note(DONE);
    trail.note(DONE);
    await trail.settled(5);
    expect(taken).toEqual([]);
    expect(warned).toEqual(['the audit is not written yet']);
    broker.away = false;
    await again();
    expect(taken.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  it('leaves room for what was done where words that are refused flood it', async () => {
    const { trail, taken, broker, again } = aTrail();
    broker.away = true;
    for (let i = 0; i < 5_000; i++) trail.note({ ...DONE, result: 'refused' });
    for (let i = 0; i < 400; i++) trail.note(DONE);
    await turn();
    broker.away = false;
    await again();
    await trail.settled(1_000);
    const of = (result: string) => taken.filter((entry) => entry.result === result).length;
    expect([of('refused'), of('applied')]).toEqual([500, 400]);
  });

  it('leaves out what comes when a thousand wait, and says so', async () => {
    const { trail, taken, broker, again, warned } = aTrail();
    broker.away = true;
    for (let i = 0; i < 1_003; i++) trail.note(DONE);
    await turn();
    expect(warned.filter((text) => text.includes('left out'))).toHaveLength(3);
    broker.away = false;
    await again();
    await trail.settled(1_000);
    expect(taken).toHaveLength(1_000);
    const chains = new AuditChains();
    expect(new Set(taken.map((entry) => chains.hear(entry)))).toEqual(new Set(['sound']));
  });
});

describe('a chain', () => {
  async function three(): Promise<[AuditEntry, AuditEntry, AuditEntry]> {
    const { trail, taken } = aTrail();
    for (const reason of ['a', 'b', 'c']) trail.note({ ...DONE, reason });
    await trail.settled(1_000);
    return taken as [AuditEntry, AuditEntry, AuditEntry];
  }
  const heard = (entries: readonly AuditEntry[]) => {
    const chains = new AuditChains();
    return entries.map((entry) => chains.hear(entry));
  };

  it('is sound as it was written, from wherever retention has left it, and of each writer by itself', async () => {
    const [a, b, c] = await three();
    const { trail, taken } = aTrail('trainer-0-2');
    trail.note(DONE);
    await trail.settled(1_000);
    expect(heard([a, ...taken, b, b, c, a])).toEqual(['sound', 'sound', 'sound', 'repeated', 'sound', 'repeated']);
    expect(heard([b, c])).toEqual(['sound', 'sound']);
  });

  it('tells an entry that was changed, taken out, or written anew', async () => {
    const [a, b, c] = await three();
    expect(heard([a, { ...b, who: 'bob' }, c])).toEqual(['sound', 'broken', 'sound']);
    expect(heard([a, c])).toEqual(['sound', 'broken']);
    const forged = { ...b, who: 'bob' };
    const anew = { ...forged, sha256: hashOf(forged) };
    expect(heard([a, anew, c])).toEqual(['sound', 'sound', 'broken']);
    expect(heard([a, b, c, { ...b, who: 'bob' }]).at(-1)).toBe('broken');
  });
});
