import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import { Outcomes } from './outcomes.js';
import { prometheusOutcomes } from './prometheus-text.js';

describe('outcomes', () => {
  it('keeps quantiles within 2 % and forgets the minute but not the start', () => {
    const clock = new ManualClock(0);
    const outcomes = new Outcomes(clock);
    for (let i = 1; i <= 1000; i++) outcomes.record('p', 1, 0, i / 10);
    const now = outcomes.summary(outcomes.all(), 'minute');
    expect(now.requests).toBe(1000);
    expect(Math.abs(now.p50Ms! / 50 - 1)).toBeLessThan(0.02);
    expect(Math.abs(now.p99Ms! / 99 - 1)).toBeLessThan(0.02);
    clock.advance(75_000);
    expect(outcomes.summary(outcomes.all(), 'minute')).toEqual({ requests: 0, p50Ms: null, p99Ms: null });
    expect(outcomes.summary(outcomes.all(), 'start').requests).toBe(1000);
  });

  it('counts the failures of a project, and not the mistakes of its callers', () => {
    const outcomes = new Outcomes(new ManualClock(0));
    for (const status of [0, 1, 3, 5, 7]) outcomes.record('p', 1, status, 1);
    expect(outcomes.failures('p')).toBe(0);
    for (const status of [4, 8, 14]) outcomes.record('p', 1, status, 1);
    expect(outcomes.failures('p')).toBe(3);
  });

  it('bounds its series', () => {
    const outcomes = new Outcomes(new ManualClock(0));
    for (let version = 1; version <= 1000; version++) outcomes.record('p', version, 0, 1);
    expect(outcomes.all().length).toBeLessThanOrEqual(257);
  });

  it('renders counters and a cumulative histogram', () => {
    const outcomes = new Outcomes(new ManualClock(0));
    outcomes.record('p', 2, 0, 3);
    outcomes.record('p', 2, 14, 40_000);
    const text = prometheusOutcomes(outcomes.all());
    expect(text).toContain('millrace_router_requests_total{project="p",version="2",status="OK"} 1');
    expect(text).toContain('millrace_router_requests_total{project="p",version="2",status="UNAVAILABLE"} 1');
    expect(text).toContain('millrace_router_request_seconds_bucket{project="p",version="2",le="0.003"} 1');
    expect(text).toContain('millrace_router_request_seconds_bucket{project="p",version="2",le="30"} 1');
    expect(text).toContain('millrace_router_request_seconds_bucket{project="p",version="2",le="+Inf"} 2');
    expect(text).toContain('millrace_router_request_seconds_count{project="p",version="2"} 2');
  });
});
