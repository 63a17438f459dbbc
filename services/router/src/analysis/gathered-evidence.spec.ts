import { describe, expect, it } from '@jest/globals';
import { ENTITY_BUCKETS, VersionEvidence } from '@millrace/routing';
import { GatheredEvidence, type Word } from './gathered-evidence.js';

const ROLLOUT = { project: 'p', version: 2, fromRevision: 7 };
const SELF = { router: 'self', startedAtMs: 1 };

function word(part: Partial<Word>, answered: number): Word {
  const evidence = new VersionEvidence(2);
  for (let i = 0; i < answered; i++) {
    evidence.add(i % 10 === 0, 1_000 * i, i % ENTITY_BUCKETS);
    evidence.addScore(i / answered, i % ENTITY_BUCKETS);
  }
  return { ...ROLLOUT, router: 'a', startedAtMs: 1, saidAtMs: 10, versions: [evidence.state()], ...part };
}

const answers = (gathered: GatheredEvidence) => gathered.of(ROLLOUT, SELF).sum.get(2)?.answered ?? 0;

describe('what all routers counted', () => {
  it('is the newest word of each: a lost one changes nothing, a late one takes nothing back', () => {
    const gathered = new GatheredEvidence();
    gathered.hear(word({ saidAtMs: 10 }, 100));
    gathered.hear(word({ saidAtMs: 30 }, 300));
    gathered.hear(word({ saidAtMs: 20 }, 200));
    gathered.hear(word({ router: 'b' }, 50));
    expect(answers(gathered)).toBe(350);
    expect(gathered.of(ROLLOUT, SELF).routers).toBe(2);
    const sum = gathered.of(ROLLOUT, SELF).sum.get(2);
    expect(sum).toMatchObject({ failed: 35, scored: 350 });
    expect(sum?.latency.count).toBe(350);
  });

  it('a router that started again is another one, and what it said before stays', () => {
    const gathered = new GatheredEvidence();
    gathered.hear(word({}, 100));
    gathered.hear(word({ startedAtMs: 2, saidAtMs: 20 }, 10));
    expect(answers(gathered)).toBe(110);
  });

  it('leaves out what this router said itself, but not what it said before it started again', () => {
    const gathered = new GatheredEvidence();
    gathered.hear(word({ router: 'self', startedAtMs: 1 }, 100));
    gathered.hear(word({ router: 'self', startedAtMs: 0 }, 5));
    expect(answers(gathered)).toBe(5);
  });

  it('words of an earlier rollout are not heard, a later one begins anew', () => {
    const gathered = new GatheredEvidence();
    gathered.hear(word({}, 100));
    gathered.hear(word({ fromRevision: 3 }, 40));
    expect(answers(gathered)).toBe(100);
    gathered.hear(word({ fromRevision: 9 }, 4));
    expect(answers(gathered)).toBe(0);
    expect(gathered.of({ ...ROLLOUT, fromRevision: 9 }, SELF).sum.get(2)?.answered).toBe(4);
  });

  it('of a deleted project says nothing of the next one of its name, whose revisions begin anew', () => {
    let createdAtMs = 0;
    const gathered = new GatheredEvidence(() => createdAtMs);
    gathered.hear(word({ saidAtMs: 10 }, 100));
    gathered.hear(word({ fromRevision: 40, saidAtMs: 20 }, 100));
    createdAtMs = 50;
    expect(answers(gathered)).toBe(0);
    gathered.hear(word({ router: 'b', saidAtMs: 60 }, 30));
    expect(answers(gathered)).toBe(30);
  });

  it('keeps the newest 64 routers of a rollout and the newest 128 rollouts', () => {
    const gathered = new GatheredEvidence();
    for (let i = 0; i < 70; i++) gathered.hear(word({ router: `r${i}` }, 1));
    expect(answers(gathered)).toBe(64);
    for (let i = 0; i < 128; i++) gathered.hear(word({ project: `q${i}` }, 1));
    expect(answers(gathered)).toBe(0);
  });
});
