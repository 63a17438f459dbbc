// The package at 1,000 requests a second, Poisson, while the broker is dead for 30 s: p99 against the same load before,
// which is run several times to know how much equal runs differ. Nothing may fail, and the log's queue stays within its
// bound.

import { runLoad } from '../load/grpc-load.js';
import { packageRequest } from './package.fs.js';
import { median, ms, type Row, times } from './row.js';

const RATE = 1000;
const AWAY_SECONDS = 30;
const AT_MOST = 1.05;

export const broker: Row = {
  name: 'broker',
  peers: false,
  async measure({ millrace, rounds }) {
    const seconds = AWAY_SECONDS / rounds;
    let seed = 200;
    const p99 = async () => {
      const result = await runLoad({
        address: `127.0.0.1:${millrace.grpcPort}`,
        request: packageRequest(),
        connections: 4,
        seconds,
        warmUpSeconds: 0,
        ratePerSecond: RATE,
        seed: ++seed,
      });
      if (result.failures > 0) throw new Error(`${result.failures} calls failed: ${result.firstFailure}`);
      return result.latency.p99Ms;
    };
    await p99();
    const before: number[] = [];
    for (let i = 0; i < rounds; i++) before.push(await p99());
    await millrace.broker.crash();
    const away: number[] = [];
    for (let i = 0; i < rounds; i++) away.push(await p99());
    await millrace.broker.restart();
    const ratio = median(away) / median(before);
    const equalRunsDiffer = Math.max(...before) / Math.min(...before);
    return [
      {
        figure: `broker dead for ${AWAY_SECONDS} s: p99 at ${RATE}/s, no failure`,
        target: `≤ ${times(AT_MOST)} or ${times(equalRunsDiffer)}`,
        measured: `${ms(median(away))}, before ${ms(median(before))}`,
        ratio,
        met: ratio <= Math.max(AT_MOST, equalRunsDiffer),
        rounds: { before, away },
      },
    ];
  },
};
