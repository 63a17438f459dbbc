import { describe, expect, it } from '@jest/globals';
import { predictionId, RequestIds, requestIdOf } from './request-ids.js';
import { seededRng } from './rng.js';

describe('request ids', () => {
  it('differ within a run and between runs', () => {
    const first = new RequestIds(seededRng(1));
    const second = new RequestIds(seededRng(2));
    expect(new Set([first.next(), first.next(), second.next(), second.next()]).size).toBe(4);
  });
});

describe('prediction ids', () => {
  it.each(['r-7', 'a/b', '7'])('give back the request %p they are made of', (request) => {
    expect(predictionId(request, 12)).toBe(`${request}/12`);
    expect(requestIdOf(predictionId(request, 12))).toBe(request);
  });

  it.each(['', '/0', 'no-row'])('never are %p', (text) => {
    expect(requestIdOf(text)).toBe('');
  });
});
