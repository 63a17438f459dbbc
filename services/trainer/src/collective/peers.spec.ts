// Gradient sockets on loopback: who is let in, and that nothing hangs.

import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AllReduce } from './all-reduce.js';
import { decodeHello, encodeHello, HELLO_BYTES } from './handshake.js';
import { Mesh, MeshListener } from './peers.tcp.js';

const listeners: MeshListener[] = [];

afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
});

const token = (fill: number) => new Uint8Array(32).fill(fill);

async function group(
  size: number,
  changes: (rank: number) => { generation?: number; token?: Uint8Array; operationMs?: number } = () => ({}),
) {
  const all = await Promise.all(Array.from({ length: size }, () => MeshListener.listen('127.0.0.1', 0)));
  listeners.push(...all);
  const peers = all.map(({ port }, rank) => ({ rank, host: '127.0.0.1', port }));
  return all.map((listener, rank) => {
    const mesh = new Mesh({
      generation: 1,
      rank,
      token: token(1),
      peers,
      connectMs: 400,
      operationMs: 2_000,
      ...changes(rank),
    });
    listener.serve(mesh);
    return mesh;
  });
}

describe('Mesh', () => {
  it('connects all ranks and carries sums larger than any socket buffer', async () => {
    const meshes = await group(3);
    await Promise.all(meshes.map((mesh) => mesh.open()));
    const buffers = meshes.map((_, rank) => new Float32Array(700_001).fill(rank + 1));
    const ranks = meshes.map((mesh) => new AllReduce(mesh));
    for (let round = 0; round < 3; round++) {
      buffers.forEach((buffer, rank) => {
        buffer.fill(rank + 1);
      });
      await Promise.all(ranks.map((rank, r) => rank.sum(buffers[r] as Float32Array)));
      for (const buffer of buffers) expect([buffer[0], buffer[350_000], buffer[700_000]]).toEqual([6, 6, 6]);
    }
  });

  it.each([
    ['another token', { token: token(2) }],
    ['another generation', { generation: 2 }],
  ])('does not let in a rank with %s', async (_name, wrong) => {
    const [first, second] = (await group(2, (rank) => (rank === 1 ? wrong : {}))) as [Mesh, Mesh];
    const results = await Promise.allSettled([first.open(), second.open()]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
    expect(results[1]).toMatchObject({ reason: { code: 'deadline_exceeded' } });
  });

  it('fails instead of hanging when a peer goes silent or away', async () => {
    const silent = (await group(2, () => ({ operationMs: 150 }))) as [Mesh, Mesh];
    await Promise.all(silent.map((mesh) => mesh.open()));
    await expect(silent[0].receive(1, 0, new Uint8Array(4))).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const away = (await group(2)) as [Mesh, Mesh];
    await Promise.all(away.map((mesh) => mesh.open()));
    const waiting = away[0].receive(1, 0, new Uint8Array(4));
    away[1].close('gone');
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
    await expect(away[0].send(1, 1, new Uint8Array(4))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('fences frames of another step', async () => {
    const [first, second] = (await group(2)) as [Mesh, Mesh];
    await Promise.all([first.open(), second.open()]);
    await second.send(0, 7, new Uint8Array(4));
    await expect(first.receive(1, 8, new Uint8Array(4))).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('drops strangers', async () => {
    const [first] = (await group(2)) as [Mesh, Mesh];
    const port = listeners[0]?.port as number;
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.alloc(HELLO_BYTES, 7)));
      socket.on('close', () => resolve());
      socket.on('error', () => resolve());
    });
    expect(first.complete()).toBe(false);
  });
});

describe('hello', () => {
  it('round trips, and other bytes are none', () => {
    const hello = { generation: 5, rank: 2, token: token(9) };
    expect(decodeHello(encodeHello(hello))).toEqual(hello);
    expect(decodeHello(new Uint8Array(HELLO_BYTES))).toBeNull();
    expect(decodeHello(encodeHello(hello).subarray(0, 20))).toBeNull();
  });
});
