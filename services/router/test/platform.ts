// What the router's integration tests stand on: a real Kafka, a stand-in serving, a project named `p` and others on
// request, a router process.

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeModelVersion, encodeProject, type ModelVersion } from '@millrace/contracts';
import { ensureTopics, KafkaConnection, MessageProducer } from '@millrace/kafka';
import { parseProject } from '@millrace/project';
import { aModelVersion, LOANS_PROJECT, uniquePrefix } from '@millrace/testing';
import { RouterProcess } from './router-process.js';
import { StandInServing } from './stand-in-serving.js';

const VERSIONS = 10;

export class Platform {
  readonly serving = new StandInServing();
  /** Behind the same routers, 100 ports above the first where MILLRACE_REPLICAS says so. */
  readonly secondServing = new StandInServing();
  router!: RouterProcess;

  private constructor(
    readonly brokers: readonly string[],
    readonly topicPrefix: string,
    readonly connection: KafkaConnection,
    readonly producer: MessageProducer,
  ) {}

  /** `rollout`: what the project's file says of it. */
  static async start(brokers: readonly string[], env: Record<string, string> = {}, rollout = '{}'): Promise<Platform> {
    const topicPrefix = uniquePrefix();
    const connection = new KafkaConnection({ brokers, clientId: 'router-test', topicPrefix });
    const platform = new Platform(brokers, topicPrefix, connection, new MessageProducer(connection));
    await ensureTopics(connection, ['projects.v1', 'models.v1', 'routes.v1', 'commands.v1', 'deadletter.v1']);
    await platform.apply('p', rollout);
    for (let version = 1; version < VERSIONS; version++) await platform.announce({ version });
    if (env.MILLRACE_REPLICAS?.includes('serving=2')) await platform.startBothServings();
    else await platform.serving.start(0);
    platform.router = await platform.newRouter(env);
    await platform.router.until(async () => {
      const answer = await platform.router.post('/v1/projects/p/promote', { version: 999 });
      return answer.status === 409;
    });
    return platform;
  }

  private async startBothServings(): Promise<void> {
    for (;;) {
      const port = await this.serving.start(0);
      try {
        await this.secondServing.start(port + 100);
        return;
      } catch {
        this.serving.stop(); // the other port is somebody's
      }
    }
  }

  /** A router of its own with an empty home; `brokers`: where it thinks that they are. */
  async newRouter(env: Record<string, string> = {}, brokers = this.brokers): Promise<RouterProcess> {
    return RouterProcess.start({
      brokers: brokers.join(','),
      topicPrefix: this.topicPrefix,
      home: await mkdtemp(join(tmpdir(), 'millrace-router-')),
      servingPort: this.serving.port,
      env,
    });
  }

  /** As ingest does: a project of this name, of whose rollouts its file says this. */
  async apply(project: string, rollout: string): Promise<void> {
    const parsed = parseProject(`${LOANS_PROJECT.replace('loans', project)}rollout: ${rollout}\n`, 'project.yaml');
    if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
    const entry = {
      name: project,
      revision: 1,
      document: parsed.document,
      documentSha256: 'x',
      appliedAtMs: 1,
      labelRuleSinceMs: 0,
      earlierSchemas: [],
      createdAtMs: 0,
    };
    await this.producer.send('projects.v1', [{ key: project, value: encodeProject(entry) }]);
  }

  /** As the trainer does. */
  async announce(part: Partial<ModelVersion> & { version: number }, project = 'p'): Promise<void> {
    const value = encodeModelVersion(aModelVersion({ ...part, project }));
    await this.producer.send('models.v1', [{ key: `${project}/${part.version}`, value }]);
  }

  async rollOut(version: number): Promise<void> {
    for (const serving of [this.serving, this.secondServing]) serving.loaded.add(version);
    const answer = await this.router.post('/v1/projects/p/rollouts', { version, reason: 'test' });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  }

  async stop(): Promise<void> {
    await this.router.stop();
    this.serving.stop();
    this.secondServing.stop();
    await this.producer.close();
    await this.connection.close();
  }
}
