import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { connect } from "node:net";
import { test } from "node:test";
import { Status } from "nice-grpc-common";
import { createLogger } from "../../common/logger.ts";
import { WorkerActivity } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { call, invoke, requestIdOf, runtimeOf, startTestRuntimeApi } from "./runtime-api.fake.ts";
import { startRuntimeApi } from "./start.ts";

test("L3 a worker cannot act for another: its address alone says who it is", async () => {
  await using api = await startTestRuntimeApi();
  const [one, two] = [await api.admit(2), await api.admit(3)];
  const polled = runtimeOf(one).next();
  const answered = invoke(one);
  const id = requestIdOf(await polled);
  assert.equal((await runtimeOf(two).respond(id, '"stolen"')).status, 400);
  assert.equal((await runtimeOf(one).respond(id, '"own"')).status, 202);
  assert.equal((await answered).body, '"own"');
});

test("L3 an address that is no worker's is refused, and its connection ends", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const stranger = { ...worker, sourceAddress: worker.sourceAddress.replace(/\d+$/, "77") };
  const answer = await call(stranger, "GET", "/2018-06-01/runtime/invocation/next");
  assert.equal(answer.status, 403);
  assert.equal(answer.headers.connection, "close");
});

test("L3 S7 a worker that reaches an invocation address is cut off there", async () => {
  await using api = await startTestRuntimeApi();
  const [one, two] = [await api.admit(2), await api.admit(3)];
  const asOne = {
    ...two,
    runtimeAddress: two.invocationAddress,
    runtimePort: two.invocationPort,
    sourceAddress: one.sourceAddress,
  };
  await assert.rejects(call(asOne, "POST", "/2015-03-31/functions/function/invocations", { body: "{}" }));
});

test("L3 a worker has so many connections and no more; another's are not concerned", async () => {
  await using api = await startTestRuntimeApi();
  const [one, two] = [await api.admit(2), await api.admit(3)];
  const { runtimeAddress: host, runtimePort: port, sourceAddress: localAddress } = one;
  const sockets = Array.from({ length: 40 }, () => connect({ host, port, localAddress }));
  // Eight of the forty are closed by the other side.
  let open = sockets.length;
  const fewer = Promise.withResolvers<void>();
  const none = Promise.withResolvers<void>();
  for (const socket of sockets) {
    socket
      .on("error", () => undefined)
      .on("close", () => {
        open--;
        if (open === 32) fewer.resolve();
        if (open === 0) none.resolve();
      });
  }
  await fewer.promise;
  assert.equal((await call(two, "GET", "/none")).status, 404);
  await assert.rejects(call(one, "GET", "/none"));
  for (const socket of sockets) socket.destroy();
  await none.promise;
});

test("L3 whoever sends a second request before the first is answered is cut off: others wait for one at most", async () => {
  await using api = await startTestRuntimeApi();
  const { runtimeAddress: host, runtimePort: port, sourceAddress: localAddress } = await api.admit(2);
  const socket = connect({ host, port, localAddress }).on("error", () => undefined);
  let answers = 0;
  const cutOff = new Promise((resolve) => {
    socket.on("close", () => resolve(true));
    socket.on("data", (part: Buffer) => {
      answers += part.toString().split("HTTP/1.1 404").length - 1;
      if (answers > 1) resolve(false);
    });
  });
  socket.write("GET /none HTTP/1.1\r\n\r\n".repeat(5000));
  assert.equal(await cutOff, true);
  socket.destroy();
});

test("L3 workers without addresses of their own are known by their port", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2, { sourceAddress: "", runtimePort: 9102 });
  const here = { ...worker, sourceAddress: "127.0.0.1" };
  const polled = runtimeOf(here).next();
  const answered = invoke(worker);
  await runtimeOf(here).respond(requestIdOf(await polled), '"by port"');
  assert.equal((await answered).body, '"by port"');
  // The port is this worker's alone.
  const other = api.admission(3, { sourceAddress: "", runtimePort: 9102 });
  await assert.rejects(api.control.admit({ worker: other }), { code: Status.ALREADY_EXISTS });
});

test("L3 Admit can be repeated, Forget and Exited too; the state of a stranger is not found", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  await api.control.admit({ worker });
  const listed = await api.control.list({});
  assert.deepEqual(listed.workers, [{ admission: worker, activity: WorkerActivity.INIT }]);
  const { instanceId } = worker;
  await api.control.forget({ instanceId });
  await api.control.forget({ instanceId });
  await api.control.exited({ instanceId, exitStatus: 1 });
  await assert.rejects(api.control.getState({ instanceId }), { code: Status.NOT_FOUND });
  // The same addresses may go to the next.
  await api.admit(2, { instanceId: "another" });
});

test("L3 S7 an address that is a new worker's is its former one's no more, though nobody has said that this is gone", async () => {
  await using api = await startTestRuntimeApi();
  const former = await api.admit(2);
  const polled = runtimeOf(former).next();
  const lost = assert.rejects(invoke(former), "its caller is not answered by the new one");
  await polled;
  const worker = await api.admit(2, { instanceId: "another", invocationAddress: api.admission(3).invocationAddress });
  await lost;
  await assert.rejects(invoke(former), { code: "ECONNREFUSED" });
  // What is said of the former one late is not about the new one.
  await api.control.exited({ instanceId: former.instanceId, exitStatus: 137 });
  await api.control.forget({ instanceId: former.instanceId });
  const again = runtimeOf(worker).next();
  const answered = invoke(worker);
  await runtimeOf(worker).respond(requestIdOf(await again), '"new"');
  assert.equal((await answered).body, '"new"');
});

test("L3 a worker cannot be invoked at another's address, nor at one that is not this host's", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const same = api.admission(3, { invocationAddress: worker.invocationAddress });
  await assert.rejects(api.control.admit({ worker: same }), { code: Status.FAILED_PRECONDITION });
  const elsewhere = api.admission(4, { invocationAddress: "192.0.2.1" });
  await assert.rejects(api.control.admit({ worker: elsewhere }), { code: Status.FAILED_PRECONDITION });
  const { workers } = await api.control.list({});
  assert.equal(workers.length, 1);
  await api.admit(3);
  await assert.rejects(api.control.admit({ worker: { ...elsewhere, instanceId: "" } }), {
    code: Status.INVALID_ARGUMENT,
  });
});

test("L3 init ends with /init/error, with a process that ends, or when its time is up", async () => {
  await using api = await startTestRuntimeApi();
  const [one, two, three] = [await api.admit(2), await api.admit(3), await api.admit(4, { initTimeoutMs: 50 })];
  const failed = [one, two, three].map(({ instanceId }) => api.control.waitReady({ instanceId }));
  const payload = '{"errorType":"Runtime.ImportModuleError","errorMessage":"No module named app","stackTrace":[]}';
  const headers = { "lambda-runtime-function-error-type": "Runtime.ImportModuleError" };
  assert.equal((await runtimeOf(one).initError(payload, headers)).status, 202);
  await api.control.exited({ instanceId: two.instanceId, exitStatus: 1 });
  const failures = (await Promise.all(failed)).map(({ failure }) => failure);
  assert.deepEqual(
    failures.map((failure) => [failure?.errorType, failure?.errorMessage]),
    [
      ["Runtime.ImportModuleError", "No module named app"],
      ["Runtime.ExitError", "Runtime exited with error: exit status 1"],
      ["Sandbox.Timedout", "Task timed out after 0.05 seconds"],
    ],
  );
  assert.equal(failures[0]?.payload.toString(), payload);
  // Told again to whoever asks again, though its process has ended since.
  await api.control.exited({ instanceId: one.instanceId, exitStatus: 1 });
  const again = await api.control.waitReady({ instanceId: one.instanceId });
  assert.equal(again.failure?.errorType, "Runtime.ImportModuleError");
});

test("L3 whoever waits for init may go, and another may wait", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const { instanceId } = worker;
  const impatient = new AbortController();
  const first = api.control.waitReady({ instanceId }, { signal: impatient.signal });
  const second = api.control.waitReady({ instanceId });
  impatient.abort();
  await assert.rejects(first);
  runtimeOf(worker)
    .next()
    .catch(() => undefined);
  assert.equal((await second).failure, undefined);
});

test("L3 the agent's socket is its owner's alone, and a second process does not start", async () => {
  await using api = await startTestRuntimeApi();
  assert.equal((await stat(api.controlPath)).mode & 0o777, 0o600);
  const second = startRuntimeApi({ controlPath: api.controlPath, logger: createLogger("runtime-api", "fatal") });
  await assert.rejects(second, /ESB_RUN_DIR=.*somebody listens there already/);
  await api.control.list({});
});
