import { describe, expect, it } from '@jest/globals';
import { covers, HoldingsAtRest, partitionsOf, reachedAgain, servingsLike } from './holdings.js';

describe('what a restart compares', () => {
  it('believes holdings that it saw twice in a row, and that nobody holds any only after longer', () => {
    const rest = new HoldingsAtRest();
    const one = [{ 'records.v1': [0, 1] }, null];
    const both = [{ 'records.v1': [0] }, { 'records.v1': [1] }];
    expect(rest.saw(one)).toBeUndefined();
    expect(rest.saw(both)).toBeUndefined();
    for (let look = 1; look < 8; look++) expect(rest.saw([{ 'records.v1': [] }, {}])).toBeUndefined();
    expect(rest.saw(both)).toBeUndefined();
    expect(rest.saw(both)).toEqual(new Set(['records.v1/0', 'records.v1/1']));
  });

  it('takes a group that never holds any, and a service that tells none', () => {
    const empty = new HoldingsAtRest();
    const looks = Array.from({ length: 8 }, () => empty.saw([{}]));
    expect(looks).toEqual([...Array(7).fill(undefined), new Set()]);
    const none = new HoldingsAtRest();
    expect([none.saw([null, null]), none.saw([null, null])]).toEqual([undefined, new Set()]);
  });

  it('wants every partition that was held', () => {
    const before = partitionsOf([{ a: [0], b: [1] }]);
    expect(covers(partitionsOf([{ a: [0] }, { b: [1, 2] }]), before)).toBe(true);
    expect(covers(partitionsOf([{ a: [0] }, null]), before)).toBe(false);
  });

  it('finds a serving whatever its host is called', () => {
    const servings = ['localhost:8601', '[::1]:8701'];
    for (const address of ['127.0.0.1:8601', '[::1]:8601', '127.0.0.1:8701']) {
      expect(servingsLike(servings, address)).toBe(1);
    }
    expect(servingsLike(servings, '127.0.0.1:601')).toBe(0);
  });

  it('does not take the serving of another machine at the same port for the one that was ended', () => {
    const here = '127.0.0.1:8031';
    const both = servingsLike(['localhost:8031', 'b.example:8031'], here);
    const other = servingsLike(['b.example:8031'], here);
    expect([reachedAgain([both], [other]), reachedAgain([both], [both])]).toEqual([false, true]);
    // A router that reached nobody, or was away, reaches one; one that does not answer keeps nothing waiting.
    expect([reachedAgain([0, null], [1, 0]), reachedAgain([0, null], [1, 1])]).toEqual([false, true]);
    expect(reachedAgain([1, 1], [1, null])).toBe(true);
  });
});
