import { describe, expect, it } from '@jest/globals';
import { placeOf } from './place.js';
import { OFFSET_MAX, OFFSET_STEP, PORT_NAMES, PORTS, portOf, replicaNumber } from './ports.js';
import { controllerPort } from './processes/process-plan.js';
import { readSettings } from './settings/read-settings.js';
import { routerSettings } from './settings/router.js';
import { workerSettings } from './settings/worker.js';

describe('the table of ports', () => {
  it('never gives two processes the same port, over all offsets and replicas', () => {
    const holders = new Map<number, string>();
    const take = (port: number, who: string): void => {
      expect([holders.get(port), who]).toEqual([undefined, who]);
      expect(port).toBeLessThan(65_536);
      holders.set(port, who);
    };
    for (let offset = 0; offset <= OFFSET_MAX; offset += OFFSET_STEP) {
      for (const name of PORT_NAMES) {
        const { listener } = PORTS[name];
        const replicas = listener === 'kafka' || listener === 'redis' ? 1 : 10;
        for (let replica = 0; replica < replicas; replica++)
          take(portOf(name, offset, replica), `${name} of replica ${replica} at offset ${offset}`);
      }
      const ports = { kafka: portOf('kafka', offset, 0) } as Parameters<typeof controllerPort>[0];
      take(controllerPort(ports), `Kafka's controller at offset ${offset}`);
    }
  });

  it('knows a replica’s number by its name', () => {
    expect(['', '0', '3', '3-1', '10', 'b', 'worker-1', 'router-7'].map(replicaNumber)).toEqual([
      0, 0, 3, 3, 0, 0, 0, 0,
    ]);
  });
});

describe('a process started by hand', () => {
  const read = (env: Record<string, string>) => readSettings(routerSettings, env).values;

  it('listens and looks for the others where its platform is', () => {
    expect(read({})).toMatchObject({ httpPort: 8000, servingGrpcPort: 8031, kafkaBrokers: ['127.0.0.1:19092'] });
    expect(read({ MILLRACE_PORT_OFFSET: '2000' })).toMatchObject({
      httpPort: 10_000,
      servingGrpcPort: 10_031,
      kafkaBrokers: ['127.0.0.1:21092'],
      redisUrl: 'redis://127.0.0.1:18379',
    });
  });

  it('listens at base + 100·r as replica r, and finds the others at theirs', () => {
    expect(read({ MILLRACE_PORT_OFFSET: '1000', MILLRACE_REPLICA: '3' })).toMatchObject({
      httpPort: 9300,
      controlGrpcPort: 9304,
      servingGrpcPort: 9031,
      kafkaBrokers: ['127.0.0.1:20092'],
    });
  });

  it('takes a port that is set itself', () => {
    const env = { MILLRACE_PORT_OFFSET: '1000', MILLRACE_ROUTER_HTTP_PORT: '7000', MILLRACE_KAFKA_PORT: '7001' };
    expect(read(env)).toMatchObject({ httpPort: 7000, kafkaBrokers: ['127.0.0.1:7001'] });
  });

  it('finds the others at the hosts that their settings name', () => {
    const env = { MILLRACE_SERVING_HOST: '127.0.0.2', MILLRACE_TRAINER_GRPC_HOST: '::1' };
    expect(read(env).servingHost).toEqual(['127.0.0.2']);
    expect(readSettings(workerSettings, env).values.coordinators).toEqual(['[::1]:8021']);
    expect(placeOf({ MILLRACE_SERVING_HOST: '0.0.0.0', MILLRACE_ROUTER_LISTEN_HOST: '::' }).hosts).toEqual({
      serving: '127.0.0.1',
      router: '::1',
      trainerGrpc: '127.0.0.1',
    });
  });

  it('has an offset that is a multiple of 1,000', () => {
    expect(readSettings(routerSettings, { MILLRACE_PORT_OFFSET: '1500' }).faults).toEqual([
      'MILLRACE_PORT_OFFSET: is no multiple of 1000',
    ]);
  });
});
