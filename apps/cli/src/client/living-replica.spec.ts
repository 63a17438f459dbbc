import { describe, expect, it } from '@jest/globals';
import type { HttpAnswer } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { LivingReplica } from './living-replica.js';

const URLS = ['http://a:1', 'http://a:101', 'http://a:201'];
const refused = () => new PlatformError('unavailable', 'nobody', { facts: { refused: true } });
const standby: HttpAnswer = { status: 503, text: '{"error":{"code":"unavailable","facts":{"standby":true}}}' };
const ok: HttpAnswer = { status: 200, text: '{}' };

/** Answers by URL; what is asked is kept. */
function asked(answers: Record<string, HttpAnswer | PlatformError>) {
  const seen: string[] = [];
  const living = new LivingReplica(URLS);
  const call = (method: string) =>
    living.send({ method, url: `${URLS[0]}/v1/x` }, async ({ url }) => {
      seen.push(url);
      const answer = answers[url.slice(0, -'/v1/x'.length)] ?? refused();
      if (answer instanceof PlatformError) throw answer;
      return answer;
    });
  return { seen, call };
}

describe('of the replicas of a service', () => {
  it('asks the next where nobody listens or one stands by, and then the one that answered', async () => {
    const { seen, call } = asked({ [URLS[1] as string]: standby, [URLS[2] as string]: ok });
    expect(await call('POST')).toEqual(ok);
    expect(await call('POST')).toEqual(ok);
    expect(seen).toEqual([`${URLS[0]}/v1/x`, `${URLS[1]}/v1/x`, `${URLS[2]}/v1/x`, `${URLS[2]}/v1/x`]);
  });

  it('asks nobody twice for what may have been done, and every one for what changes nothing', async () => {
    const broken = new PlatformError('unavailable', 'the connection broke');
    const answers = { [URLS[0] as string]: broken, [URLS[1] as string]: ok };
    await expect(asked(answers).call('POST')).rejects.toThrow('the connection broke');
    expect(await asked(answers).call('GET')).toEqual(ok);
  });

  it('has every request ask all of them, also those that are on their way at the same time', async () => {
    const { seen, call } = asked({ [URLS[1] as string]: ok });
    expect(await Promise.all([call('GET'), call('GET'), call('GET')])).toEqual([ok, ok, ok]);
    expect(await call('GET')).toEqual(ok);
    expect(seen.at(-1)).toBe(`${URLS[1]}/v1/x`);
  });

  it('asks the others for what one does not know, and goes on where it was', async () => {
    const unknown: HttpAnswer = { status: 404, text: '{}' };
    const answers: Record<string, HttpAnswer> = { [URLS[0] as string]: unknown, [URLS[1] as string]: ok };
    const { seen, call } = asked(answers);
    expect([await call('POST'), await call('GET')]).toEqual([unknown, ok]);
    answers[URLS[1] as string] = unknown;
    answers[URLS[2] as string] = unknown;
    expect(await call('GET')).toEqual(unknown);
    expect(seen.slice(-3)).toEqual([`${URLS[1]}/v1/x`, `${URLS[2]}/v1/x`, `${URLS[0]}/v1/x`]);
    // Nobody knew it: that is no reason to ask another one first.
    answers[URLS[1] as string] = ok;
    await call('GET');
    expect(seen.at(-1)).toBe(`${URLS[1]}/v1/x`);
  });

  it('gives the last answer where no replica has a better one', async () => {
    await expect(asked({}).call('GET')).rejects.toMatchObject({ code: 'unavailable' });
    const all = Object.fromEntries(URLS.map((url) => [url, standby]));
    expect(await asked(all).call('POST')).toEqual(standby);
  });
});
