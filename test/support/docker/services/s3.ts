/** In an image of RustFS' name: fauxqs, told what RustFS is told. */
import { readFileSync } from "node:fs";
import { startS3 } from "../../services/aws.ts";

const { RUSTFS_ADDRESS: address = "", RUSTFS_ACCESS_KEY_FILE: keyFile = "" } = process.env;
const [host = "", port] = address.split(":");
await startS3({ host, port: Number(port) }, readFileSync(keyFile, "utf8").trim());
process.on("SIGTERM", () => process.exit(0));
