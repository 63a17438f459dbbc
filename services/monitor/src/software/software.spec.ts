import { describe, expect, it } from '@jest/globals';
import { parsePrometheus } from './prometheus.js';
import { routerTotals } from './router-metrics.js';
import { SAMPLES_MAX, Traffic, TrafficHistory } from './traffic-history.js';

const TEXT = `# HELP millrace_router_requests_total Answered inference requests
# TYPE millrace_router_requests_total counter
millrace_router_requests_total{project="p",version="1",status="OK"} 90
millrace_router_requests_total{project="p",version="2",status="UNAVAILABLE"} 4
millrace_router_requests_total{project="p",version="1",status="INVALID_ARGUMENT"} 3
millrace_router_requests_total{project="p",version="1",status="NOT_FOUND"} 2
millrace_router_requests_total{project="p",version="1",status="PERMISSION_DENIED"} 1
millrace_router_requests_total{project="q \\"x\\"",version="1",status="OK"} 1e3 1712345678000
millrace_router_in_flight 3
nonsense {
`;

describe('router metrics', () => {
  it('sums requests by project and version; a caller’s own mistake is no failure', () => {
    const totals = routerTotals(TEXT);
    expect(totals.get('p')).toEqual(
      new Map([
        [1, { requests: 96, failures: 0 }],
        [2, { requests: 4, failures: 4 }],
      ]),
    );
    expect([...totals.keys()]).toHaveLength(2);
    expect(parsePrometheus(TEXT)).toHaveLength(7);
    expect(routerTotals('').size).toBe(0);
  });
});

describe('Traffic', () => {
  it('gives increases over a span, and takes a smaller total for a restart', () => {
    const traffic = new Traffic();
    traffic.read({ requests: 100, failures: 1 }, 0, 'a');
    traffic.read({ requests: 300, failures: 3 }, 2_000, 'a');
    traffic.read({ requests: 50, failures: 0 }, 4_000, 'a');
    expect(traffic.between(0, 4_000)).toEqual({ requests: 250, failures: 2 });
    expect(traffic.between(2_500, 3_000)).toEqual({ requests: 50, failures: 0 });
    expect(traffic.between(9_000, 9_500)).toEqual({ requests: 0, failures: 0 });
    expect(traffic.latest(4_000)).toEqual({ requestsPerSecond: 25, failuresPerSecond: 0 });
    expect(traffic.latest(60_000)).toBeUndefined();
  });

  it('is after saving what it was, of what is still needed', () => {
    const history = new TrafficHistory();
    const read = (to: TrafficHistory, n: number) =>
      to.read('p', new Map([[1, { requests: 10 * n, failures: n }]]), n * 1_000, 'a');
    for (let n = 1; n <= 5; n++) read(history, n);
    const saved = JSON.parse(JSON.stringify(history.state('p', 3_500)));
    expect(history.state('nobody', 0)).toBeUndefined();
    const again = new TrafficHistory();
    again.restore('p', saved);
    for (const kept of [history, again]) read(kept, 8);
    for (const version of ['all', 1] as const) {
      expect(again.between('p', version, 4_000, 8_000)).toEqual(history.between('p', version, 4_000, 8_000));
      expect(again.between('p', version, 0, 3_000).requests).toBe(10);
    }
    expect(again.between('p', 'all', 6_000, 8_000)).toEqual({ requests: 30, failures: 3 });
  });

  it('adds what several routers counted, each by its own counters, also where one dies or comes later', () => {
    const history = new TrafficHistory();
    const read = (router: string, requests: number, failures: number, atMs: number) =>
      history.read('p', new Map([[1, { requests, failures }]]), atMs, router);
    read('a', 100, 0, 0);
    read('b', 5_000, 50, 0);
    read('a', 120, 1, 2_000);
    read('b', 5_010, 52, 2_000);
    expect(history.between('p', 'all', 0, 2_000)).toEqual({ requests: 30, failures: 3 });
    expect(history.between('p', 1, 0, 2_000)).toEqual({ requests: 30, failures: 3 });
    expect(history.latest('p', 2_000)).toEqual({ requestsPerSecond: 15, failuresPerSecond: 1.5 });
    // b was killed and is back; what a third one counted before it was known is none of this window's.
    read('a', 130, 1, 4_000);
    read('c', 9_000, 0, 4_000);
    read('b', 7, 0, 6_000);
    read('c', 9_001, 0, 6_000);
    expect(history.between('p', 'all', 3_000, 6_000)).toEqual({ requests: 10 + 7 + 1, failures: 0 });
    const again = new TrafficHistory();
    again.restore('p', JSON.parse(JSON.stringify(history.state('p', 0))));
    for (const kept of [history, again]) {
      kept.read('p', new Map([[1, { requests: 140, failures: 1 }]]), 8_000, 'a');
      kept.read('p', new Map([[1, { requests: 8, failures: 0 }]]), 8_000, 'b');
      expect(kept.between('p', 'all', 6_500, 8_000)).toEqual({ requests: 11, failures: 0 });
    }
  });

  it('is bounded', () => {
    const history = new TrafficHistory();
    for (let i = 0; i <= SAMPLES_MAX + 50; i++)
      history.read('p', new Map([[1, { requests: i, failures: 0 }]]), i * 1_000, 'a');
    expect(history.between('p', 'all', 0, 1e9).requests).toBe(SAMPLES_MAX);
    expect(history.between('nobody', 'all', 0, 1e9).requests).toBe(0);
    for (let version = 1; version <= 40; version++) {
      const reading = (requests: number) => new Map([[version, { requests, failures: 1 }]]);
      history.read('q', reading(5), version * 2_000, 'a');
      history.read('q', reading(9), version * 2_000 + 1_000, 'a');
    }
    expect(history.between('q', 1, 0, 1e9).requests).toBe(0);
    expect(history.between('q', 40, 0, 1e9)).toEqual({ requests: 9, failures: 1 });
  });

  it('counts what a version did before it was read first, and keeps those that are read', () => {
    const history = new TrafficHistory();
    const one = (requests: number): [number, { requests: number; failures: number }] => [1, { requests, failures: 0 }];
    history.read('p', new Map([one(100)]), 1_000, 'a');
    history.read('p', new Map([one(110), [2, { requests: 40, failures: 40 }]]), 3_000, 'a');
    expect(history.between('p', 2, 1_000, 3_000)).toEqual({ requests: 40, failures: 40 });
    expect(history.between('p', 1, 1_000, 3_000)).toEqual({ requests: 10, failures: 0 });
    for (let version = 3; version <= 40; version++) {
      history.read('p', new Map([one(110 + version), [version, { requests: 1, failures: 0 }]]), version * 2_000, 'a');
    }
    expect(history.between('p', 1, 1_000, 1e9).requests).toBe(50);
    expect(history.between('p', 2, 1_000, 1e9).requests).toBe(0);
  });

  it('tells the versions apart, and sums what was answered without one, too', () => {
    const history = new TrafficHistory();
    const reading = (n: number) =>
      new Map([
        [0, { requests: n, failures: n }],
        [1, { requests: 10 * n, failures: 0 }],
        [2, { requests: 5 * n, failures: n }],
      ]);
    history.read('p', reading(1), 1_000, 'a');
    history.read('p', reading(3), 3_000, 'a');
    expect(history.between('p', 'all', 1_000, 3_000)).toEqual({ requests: 32, failures: 4 });
    expect(history.between('p', 1, 1_000, 3_000)).toEqual({ requests: 20, failures: 0 });
    expect(history.between('p', 2, 1_000, 3_000)).toEqual({ requests: 10, failures: 2 });
    expect(history.latest('p', 3_000)).toEqual({ requestsPerSecond: 16, failuresPerSecond: 2 });
  });
});
