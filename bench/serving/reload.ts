// Reloading the model that answers, every second, under 60 % of the highest load: p99 against the same load without,
// and no failure.

import { GRPCInferenceService } from '@millrace/contracts';
import { createClient } from '@millrace/grpc';
import { runGhz } from '../ghz.process.js';
import { networkRequest } from './requests.js';
import { type Bench, inTurns, median, ms, type Row, times } from './row.js';
import { unaryRate } from './unary.js';

const LOAD = 0.6;
const EVERY_MS = 1000;
const AT_MOST = 1.5;

export const reload: Row = {
  name: 'reload',
  peers: false,
  async measure(bench: Bench) {
    const address = `127.0.0.1:${bench.millrace.grpcPort}`;
    await unaryRate(bench, bench.millrace, 2);
    const perSecond = Math.round(LOAD * (await unaryRate(bench, bench.millrace, 2)));
    const api = createClient(GRPCInferenceService, address);
    let reloads = 0;
    const p99 = async (warmUp: boolean, reloading: boolean) => {
      let running = true;
      const load = runGhz(bench.ghz, bench.root, {
        address,
        request: networkRequest(),
        seconds: warmUp ? 2 : bench.seconds,
        connections: 4,
        inFlight: 64,
        perSecond,
      }).finally(() => {
        running = false;
      });
      const reloader = (async () => {
        while (reloading) {
          await new Promise((wake) => setTimeout(wake, EVERY_MS / 2));
          if (!running) return;
          await api.repositoryModelLoad({ modelName: 'mlp' });
          reloads++;
          await new Promise((wake) => setTimeout(wake, EVERY_MS / 2));
        }
      })();
      const [result] = await Promise.all([load, reloader]);
      if (result.failures > 0) throw new Error(`${result.failures} calls failed: ${result.firstFailure}`);
      return result.p99Ms;
    };
    const rounds = await inTurns(bench.rounds, {
      without: (warmUp) => p99(warmUp, false),
      reloading: (warmUp) => p99(warmUp, true),
    });
    api.close();
    const [without, reloading] = [median(rounds.without ?? []), median(rounds.reloading ?? [])];
    return [
      {
        figure: `${reloads} reloads under ${100 * LOAD} % load (${perSecond}/s): p99, no failure`,
        target: `≤ ${times(AT_MOST)} without`,
        measured: `${ms(reloading)}, without ${ms(without)}`,
        ratio: reloading / without,
        met: reloading <= AT_MOST * without,
        rounds,
      },
    ];
  },
};
