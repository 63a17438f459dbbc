// gofakes3, an S3 server in memory that only tests need, built from the sources in gofakes3/ by Go (every module held by
// go.sum) into the cache; nothing of it is used by the platform.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './cache.mjs';
import { gofakes3Folder, gofakes3Sources } from './paths.mjs';
import { probe, runCommand } from './process.mjs';
import { step } from './terminal.mjs';

export function gofakes3Ready() {
  return existsSync(join(gofakes3Folder(), 'gofakes3'));
}

export async function setUpGofakes3() {
  if (gofakes3Ready()) return;
  if (probe('go', ['version']) === undefined)
    throw new Error('gofakes3, an S3 server for tests, is built with Go: apt-get install golang');
  const progress = step('gofakes3, an S3 server for tests');
  try {
    await makeFolder(gofakes3Folder(), async (work) => {
      // Sources and modules of a folder of their own: the module cache of who runs this stays as it is.
      const sources = join(work, 'sources');
      mkdirSync(sources);
      for (const name of readdirSync(gofakes3Sources)) copyFileSync(join(gofakes3Sources, name), join(sources, name));
      const env = {
        ...process.env,
        GOPATH: join(work, 'go'),
        GOCACHE: join(work, 'go-cache'),
        GOMODCACHE: join(work, 'go/pkg/mod'),
        // Without it the folders of modules are read-only, and cannot be removed.
        GOFLAGS: '-modcacherw -mod=readonly -buildvcs=false',
        GOTOOLCHAIN: 'local',
        CGO_ENABLED: '0',
      };
      await runCommand('go', ['build', '-trimpath', '-o', join(work, 'gofakes3'), '.'], { cwd: sources, env });
      for (const name of ['sources', 'go', 'go-cache']) rmSync(join(work, name), { recursive: true, force: true });
    });
    progress.done();
  } catch (error) {
    progress.failed();
    throw error;
  }
}
