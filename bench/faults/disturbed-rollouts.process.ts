// Every strategy of a rollout disturbed at every step: all cases of the router's own suite, of which `npm test` draws
// some.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { environment } from '@millrace/config';

const SUITE = 'services/router/test/rollouts.int-spec.ts';

/** `hold` resolves with whether all of them end as they should; the suite shows each. */
export function disturbedRollouts(root: string) {
  return {
    name: 'rollouts',
    says: 'every strategy of a rollout, disturbed at every step',
    hold: async (): Promise<boolean> => {
      const node = ['--no-warnings=ExperimentalWarning', '--experimental-vm-modules'];
      const jest = [join(root, 'node_modules/jest/bin/jest.js'), '--runInBand', '--forceExit', SUITE];
      const env = { ...environment(), ROLLOUTS: 'all' };
      const child = spawn(process.execPath, [...node, ...jest], { cwd: root, env, stdio: 'inherit' });
      return new Promise((ended) => child.once('close', (code) => ended(code === 0)));
    },
  };
}
