import { describe, expect, it } from '@jest/globals';
import { HeldRequests } from './held-requests.js';

const held = (version: number, breaks = 0) => ({ model: 'm', version, breaks });

describe('requests that are sent again later', () => {
  it('are found by the version that they wait for, without a look at the others', () => {
    const requests = new HeldRequests<ReturnType<typeof held>>();
    const others = Array.from({ length: 5_000 }, (_, i) => held(1 + (i % 9)));
    const [asked, broken] = [held(10), held(10, 1)];
    for (const one of [...others, asked, broken]) requests.add(one);
    expect([requests.size, [...requests].length]).toEqual([5_002, 5_002]);
    expect([...requests.waitingFor({ model: 'm', version: 10 })]).toEqual([asked]);
    expect([...requests.waitingFor({ model: 'other', version: 10 })]).toEqual([]);
    for (const one of requests.waitingFor(asked)) requests.delete(one);
    expect([requests.size, ...requests.waitingFor(asked)]).toEqual([5_001]);
    for (const one of requests) requests.delete(one);
    expect([requests.size, ...requests.waitingFor(held(1))]).toEqual([0]);
  });
});
