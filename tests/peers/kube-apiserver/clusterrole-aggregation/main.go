// The controller that fills ClusterRoles with the rules of others, as kube-controller-manager runs it, and nothing
// else of that program. Usage: clusterrole-aggregation SERVER AUTHORITY TOKEN
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	client := kubernetes.NewForConfigOrDie(&rest.Config{
		Host:            os.Args[1],
		TLSClientConfig: rest.TLSClientConfig{CAFile: os.Args[2]},
		BearerToken:     os.Args[3],
		QPS:             500,
		Burst:           500,
	})
	factory := informers.NewSharedInformerFactory(client, 0)
	controller := clusterroleaggregation.NewClusterRoleAggregation(factory.Rbac().V1().ClusterRoles(), client.RbacV1())
	factory.Start(ctx.Done())
	controller.Run(ctx, 5)
}
