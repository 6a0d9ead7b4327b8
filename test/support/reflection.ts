import { type Channel, createClient } from "nice-grpc";
import { ServerReflectionService } from "nice-grpc-server-reflection";
import messages from "nice-grpc-server-reflection/lib/proto/grpc/reflection/v1/reflection_pb.js";

/** What a server's reflection tells: its services, and the bytes of the files that describe one of them. */
export async function reflect(
  channel: Channel,
  symbol: string,
): Promise<{ services: readonly string[]; files: readonly Buffer[] }> {
  const client = createClient(ServerReflectionService, channel);
  const requests = async function* () {
    yield new messages.ServerReflectionRequest().setListServices("");
    yield new messages.ServerReflectionRequest().setFileContainingSymbol(symbol);
  };
  const services: string[] = [];
  const files: Buffer[] = [];
  for await (const answer of client.serverReflectionInfo(requests())) {
    services.push(...(answer.getListServicesResponse()?.getServiceList() ?? []).map((one) => one.getName()));
    const found = answer.getFileDescriptorResponse()?.getFileDescriptorProtoList_asU8() ?? [];
    files.push(...found.map((bytes) => Buffer.from(bytes)));
  }
  return { services, files };
}
