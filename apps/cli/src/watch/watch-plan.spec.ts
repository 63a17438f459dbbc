import { describe, expect, it } from '@jest/globals';
import { type PlatformOptions, PORT_NAMES, PORTS, type Ports, platformPlan } from '@millrace/deployment';
import { watchPlan } from './watch-plan.js';

const ports = Object.fromEntries(PORT_NAMES.map((name) => [name, PORTS[name].base])) as unknown as Ports;
const OPTIONS: PlatformOptions = {
  ...{ root: '/r', home: '/h', ports, workers: 2, kafkaJars: [], classDataArchiveUsable: false, settings: {} },
  setup: {
    node: { binary: 'node' },
    kafka: { libFolder: '', log4j: '', classDataArchive: '' },
    redis: { binary: 'redis' },
  },
};

describe('the processes of millrace watch', () => {
  it('are those that keep and watch, and the router before the upstream; none of them waits for one that is not there', () => {
    const plans = watchPlan(platformPlan(OPTIONS), { grpc: 'triton:8001', http: 'triton:8000' });
    expect(plans.map(({ name }) => name)).toEqual(['kafka', 'ingest', 'trainer', 'monitor', 'router']);
    expect(new Set(plans.flatMap(({ after }) => after))).toEqual(new Set(['kafka']));
    const router = plans.find(({ name }) => name === 'router');
    expect(router?.env).toMatchObject({
      MILLRACE_ROUTER_UPSTREAM: 'triton:8001',
      MILLRACE_ROUTER_UPSTREAM_HTTP: 'triton:8000',
    });
    expect(plans.filter(({ env }) => 'MILLRACE_ROUTER_UPSTREAM' in env)).toHaveLength(1);
  });

  it('with brokers of the user need none of their own', () => {
    const plans = watchPlan(platformPlan({ ...OPTIONS, kafkaBrokers: 'k:9092' }), { grpc: 'triton:8001', http: '' });
    expect(plans.map(({ name }) => name)).toEqual(['ingest', 'trainer', 'monitor', 'router']);
    expect(plans.some(({ env }) => 'MILLRACE_ROUTER_UPSTREAM_HTTP' in env)).toBe(false);
  });
});
