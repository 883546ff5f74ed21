// What the repo-server does when it asks a plugin: sends a repository over the plugin's socket, prints the answer as
// JSON. What the server refuses goes to standard error, as Argo CD would show it.
//
//	client SOCKET SECONDS match|generate|parameters ROOT APPLICATION [NAME=VALUE...]
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/argoproj/argo-cd/v3/cmpserver/apiclient"
	"github.com/argoproj/argo-cd/v3/util/cmp"
	"google.golang.org/grpc/status"
)

func main() {
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	if err != nil {
		fail(err)
	}
	_, client, err := apiclient.NewConfigManagementPluginClientSet(os.Args[1]).NewConfigManagementPluginClient()
	if err != nil {
		fail(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds*float64(time.Second)))
	defer cancel()
	answer, err := ask(ctx, client, os.Args[3], os.Args[4], os.Args[5], os.Args[6:])
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		fail(err)
	}
}

func ask(ctx context.Context, client apiclient.ConfigManagementPluginServiceClient, what, root, application string, env []string) (any, error) {
	send := func(stream cmp.StreamSender) error {
		return cmp.SendRepoStream(ctx, filepath.Join(root, application), root, stream, env, nil)
	}
	switch what {
	case "generate":
		stream, err := client.GenerateManifest(ctx)
		if err != nil {
			return nil, err
		}
		if err := send(stream); err != nil {
			return nil, err
		}
		return stream.CloseAndRecv()
	case "match":
		stream, err := client.MatchRepository(ctx)
		if err != nil {
			return nil, err
		}
		if err := send(stream); err != nil {
			return nil, err
		}
		return stream.CloseAndRecv()
	case "parameters":
		stream, err := client.GetParametersAnnouncement(ctx)
		if err != nil {
			return nil, err
		}
		if err := send(stream); err != nil {
			return nil, err
		}
		return stream.CloseAndRecv()
	}
	return nil, fmt.Errorf("nobody can be asked to %s", what)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, status.Convert(err).Message())
	os.Exit(1)
}
