// The broker away: predictions go on, commands fail cleanly, and a restart serves from the snapshot.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DedicatedKafka, startKafka } from '@millrace/testing';
import { failures, inferRequest, startLoad } from './load.js';
import { Platform } from './platform.js';

let kafka: DedicatedKafka;
let platform: Platform;

beforeAll(async () => {
  kafka = await startKafka({ dedicated: true });
  platform = await Platform.start(kafka.brokers, { MILLRACE_ROUTER_COMMAND_TIMEOUT: '1500ms' });
  await platform.rollOut(1);
  await platform.rollOut(2);
}, 90_000);

afterAll(async () => {
  await platform?.stop();
  await kafka?.stop();
}, 60_000);

describe('without the broker', () => {
  it('predictions go on, a command is refused, a restart serves, and all is well when the broker is back', async () => {
    const { router } = platform;
    await kafka.crash();
    const load = startLoad(router.inference(), 200);
    const refused = await router.post('/v1/projects/p/rollback', {});
    expect([503, 504]).toContain(refused.status);
    await router.until(() => load.outcomes.length > 200);
    expect(failures(await load.stop())).toEqual({});

    router.signal('SIGKILL');
    await router.exit;
    await router.start();
    expect((await router.inference().modelInfer(inferRequest('e'))).modelVersion).toBe('2');
    expect(router.output).toContain('routes are not read yet: serves by the copy on disk');

    // It ends in order, too: past its bound of 20 s the exit code would be 1.
    expect(await router.stop()).toBe(0);
    await router.start();

    await kafka.restart();
    await router.until(async () => {
      const back = await router.post('/v1/projects/p/rollback', { reason: 'after the outage' });
      const { route } = (await router.get('/v1/projects/p/route')).body;
      return back.status === 200 || route.targets[0]?.version === 1;
    }, 60_000);
    expect((await router.inference().modelInfer(inferRequest('e'))).modelVersion).toBe('1');
  }, 120_000);
});
