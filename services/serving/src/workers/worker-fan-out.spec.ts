import { describe, expect, it } from '@jest/globals';
import { CHANGES_BYTES_MAX, WorkerFanOut } from './worker-fan-out.js';
import type { Question, ToWorker } from './worker-messages.js';

const LOAD: Question = { kind: 'load', model: 'a', parameters: { config: undefined, files: new Map() } };

function harness(workers: string[]) {
  const sent: [string, ToWorker][] = [];
  const timers: (() => void)[] = [];
  const fanOut = new WorkerFanOut({
    send: (worker, message) => void sent.push([worker, message]),
    after: (_ms, work) => {
      timers.push(work);
      return () => {};
    },
  });
  for (const worker of workers) fanOut.receive(worker, { to: 'primary', kind: 'ready' });
  const tick = () => new Promise((resolve) => setImmediate(resolve));
  /** Questions that this worker was asked and has not answered here. */
  const asked = (worker: string) =>
    sent.flatMap(([to, message]) => (to === worker && message.kind === 'question' ? [message] : []));
  const answer = async (worker: string, value: unknown, error?: { code: string; reason: string }) => {
    const { id } = asked(worker).at(-1) as { id: number };
    fanOut.receive(worker, { to: 'primary', kind: 'reply', id, value, ...(error ? { error } : {}) });
    await tick();
  };
  const replies = (id: number) =>
    sent.flatMap(([, message]) => (message.kind === 'replies' && message.id === id ? message.replies : []));
  return { fanOut, asked, answer, replies, tick, expire: () => timers.splice(0).forEach((work) => void work()) };
}

describe('WorkerFanOut', () => {
  it('puts a look to all at once and leaves out who is silent or gone', async () => {
    const { fanOut, asked, answer, replies, tick, expire } = harness(['0', '1', '2']);
    fanOut.receive('0', { to: 'primary', kind: 'ask', id: 7, question: { kind: 'metrics' } });
    await tick();
    expect(['0', '1', '2'].map((worker) => asked(worker).length)).toEqual([1, 1, 1]);
    await answer('0', 'text');
    fanOut.gone('1');
    expire();
    await tick();
    expect(replies(7)).toEqual([
      { worker: '0', value: 'text' },
      { worker: '1', error: { code: 'unavailable', reason: 'the worker ended' } },
      { worker: '2', error: { code: 'deadline_exceeded', reason: 'no answer within 2000 ms' } },
    ]);
  });

  it('changes one worker after the other, stops at the first refusal, and tells later ones what holds', async () => {
    const { fanOut, asked, answer, replies, tick } = harness(['0', '1']);
    fanOut.receive('1', { to: 'primary', kind: 'ask', id: 1, question: LOAD });
    await tick();
    expect([asked('0').length, asked('1').length]).toEqual([1, 0]);
    await answer('0', undefined, { code: 'corrupt', reason: 'damaged' });
    expect(asked('1')).toEqual([]);
    expect(replies(1)).toEqual([{ worker: '0', error: { code: 'corrupt', reason: 'damaged' } }]);
    fanOut.receive('2', { to: 'primary', kind: 'catch-up', id: 5 });
    expect(replies(5)).toEqual([]);

    fanOut.receive('1', { to: 'primary', kind: 'ask', id: 2, question: LOAD });
    await tick();
    await answer('0', null);
    await answer('1', null);
    expect(replies(2).length).toBe(2);
    fanOut.receive('2', { to: 'primary', kind: 'catch-up', id: 6 });
    expect(replies(6)).toEqual([{ worker: '', value: LOAD }]);
  });

  it('keeps changes in turn', async () => {
    const { fanOut, asked, answer, tick } = harness(['0']);
    fanOut.receive('0', { to: 'primary', kind: 'ask', id: 1, question: LOAD });
    fanOut.receive('0', {
      to: 'primary',
      kind: 'ask',
      id: 2,
      question: { kind: 'unload', model: 'a', dependents: false },
    });
    await tick();
    expect(asked('0').map(({ question }) => question.kind)).toEqual(['load']);
    await answer('0', null);
    expect(asked('0').map(({ question }) => question.kind)).toEqual(['load', 'unload']);
  });

  it('forgets the oldest loads when their files are too many bytes', async () => {
    const { fanOut, answer, replies, tick } = harness(['0']);
    const file = new Uint8Array(CHANGES_BYTES_MAX / 4 + 1);
    const change = async (question: Question) => {
      fanOut.receive('0', { to: 'primary', kind: 'ask', id: 1, question });
      await tick();
      await answer('0', null);
    };
    const load = (model: string) =>
      change({ kind: 'load', model, parameters: { config: undefined, files: new Map([['1/model.js', file]]) } });
    const known = (id: number) => {
      fanOut.receive('9', { to: 'primary', kind: 'catch-up', id });
      return replies(id).map((reply) => ('value' in reply ? (reply.value as { model: string }).model : ''));
    };
    for (const model of ['a', 'b', 'c', 'b']) await load(model);
    expect(known(2)).toEqual(['a', 'c', 'b']);
    await load('d');
    expect(known(3)).toEqual(['c', 'b', 'd']);
    // What was unloaded or replaced counts no longer.
    await change({ kind: 'unload', model: 'c', dependents: false });
    await load('e');
    expect(known(4)).toEqual(['b', 'd', 'c', 'e']);
  });
});
