package transport

import (
	"context"
	"fmt"
	"net"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/parleydb/parley/internal/wire"
)

// protoCodec is gRPC's usual encoding, and wireCodec the bytes of package
// wire. Both make raftpb messages, so all that differs is the codec.
type (
	protoCodec struct{}
	wireCodec  struct{}
)

func (protoCodec) Name() string { return "proto" }
func (wireCodec) Name() string  { return "wire" }

func (protoCodec) Marshal(v any) ([]byte, error) { return proto.Marshal(*v.(**raftpb.Message)) }

func (protoCodec) Unmarshal(b []byte, v any) error {
	m := &raftpb.Message{}
	*v.(**raftpb.Message) = m
	return proto.Unmarshal(b, m)
}

func (wireCodec) Marshal(v any) ([]byte, error) {
	return wire.AppendRaft(nil, 1, *v.(**raftpb.Message)), nil
}

func (wireCodec) Unmarshal(b []byte, v any) (err error) {
	_, *v.(**raftpb.Message), err = wire.DecodeRaft(b)
	return err
}

type codec interface {
	Name() string
	Marshal(v any) ([]byte, error)
	Unmarshal(b []byte, v any) error
}

const method = "/transport/stream"

var streamDesc = grpc.StreamDesc{StreamName: "stream", ServerStreams: true, ClientStreams: true}

type grpcLink struct {
	conn   *grpc.ClientConn
	server *grpc.Server
	stream grpc.ClientStream
}

func (l *grpcLink) send(m *raftpb.Message) error { return l.stream.SendMsg(&m) }

func (l *grpcLink) close() {
	_ = l.conn.Close()
	l.server.Stop()
}

func openGRPC(tb testing.TB, got func(*raftpb.Message, func(*raftpb.Message) error), back func(*raftpb.Message)) link {
	return openGRPCWith(tb, protoCodec{}, got, back)
}

func openGRPCWire(tb testing.TB, got func(*raftpb.Message, func(*raftpb.Message) error), back func(*raftpb.Message)) link {
	return openGRPCWith(tb, wireCodec{}, got, back)
}

func openGRPCWith(tb testing.TB, c codec, got func(*raftpb.Message, func(*raftpb.Message) error), back func(*raftpb.Message)) link {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(c))
	desc := streamDesc
	desc.Handler = func(_ any, s grpc.ServerStream) error {
		for {
			var m *raftpb.Message
			if err := s.RecvMsg(&m); err != nil {
				return err
			}
			got(m, func(m *raftpb.Message) error { return s.SendMsg(&m) })
		}
	}
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "transport", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{desc}}, struct{}{})
	go func() { _ = server.Serve(lis) }() // ends with Stop
	conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(c)))
	if err != nil {
		tb.Fatal(err)
	}
	stream, err := conn.NewStream(context.Background(), &streamDesc, method)
	if err != nil {
		tb.Fatal(fmt.Errorf("stream: %w", err))
	}
	go func() {
		for {
			var m *raftpb.Message
			if stream.RecvMsg(&m) != nil {
				return
			}
			back(m)
		}
	}()
	return &grpcLink{conn, server, stream}
}
