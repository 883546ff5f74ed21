package main
import (_ "go.yaml.in/yaml/v3"; _ "sigs.k8s.io/yaml")
func main(){}
