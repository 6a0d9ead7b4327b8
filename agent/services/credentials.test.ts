import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigurationError } from "../../common/environment.ts";
import { readServiceCredentials } from "./credentials.ts";

test("D3: services' credentials come from a file; a wrong one stops the start and is not shown", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "esb-credentials-"));
  const path = join(dir.path, "credentials.env");
  await assert.rejects(readServiceCredentials(path), ConfigurationError);
  for (const wrong of ["", "AWS_ACCESS_KEY_ID=id\n", "AWS_SECRET_ACCESS_KEY=hidden\n", "id hidden\n"]) {
    await writeFile(path, wrong);
    await assert.rejects(readServiceCredentials(path), (error: Error) => {
      assert.ok(error instanceof ConfigurationError);
      return !error.message.includes("hidden");
    });
  }
  await writeFile(path, "AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY='se=cret'\n");
  assert.deepEqual(await readServiceCredentials(path), { accessKeyId: "id", secretAccessKey: "se=cret" });
});
