// Package check holds what is deployed against the tools that read it: the chart is rendered and linted by Helm's own
// library and read by the types of the Kubernetes API, the Compose file by Compose's own loader. It is a module of its
// own, because these are large and the program needs none of them.
package check
